//! Externals that a directory above the packed one defines. They are no part of what is packed, but
//! they may put something into it, which a person sees there.

use std::path::Path;

use bulla_svn::externals::{from_above, location};

use super::error::ExternalError;
use crate::filter::Filter;
use crate::source::svn::program::Svn;
use crate::source::svn::xml::{self, Info};

/// An external of a directory above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source::svn) struct FromAbove {
    /// Where it is put, from the top of what is packed.
    pub(in crate::source::svn) path: String,
    /// Whether something is there.
    is_there: bool,
}

/// Looks whether there is something at `path` of the working copy's directory `top`.
pub(in crate::source::svn) fn in_working_copy(path: String, top: &Path) -> FromAbove {
    let place = top.join(&path);
    let is_there = match place.read_dir() {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => place.symlink_metadata().is_ok(),
    };
    FromAbove { path, is_there }
}

/// Asks the repository about the directories above the one that `info` is about.
pub(in crate::source::svn) fn in_repository(svn: &Svn, info: &Info) -> Vec<FromAbove> {
    let top = info.path();
    let mut above = Vec::new();
    let mut directory = top.as_str();
    while !directory.is_empty() {
        directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
        above.push(directory);
    }
    let url = |directory: &str| location::below(&info.repository.root, directory);
    let operands: Vec<String> = above
        .iter()
        .map(|directory| format!("{}@{}", url(directory), info.revision))
        .collect();
    if operands.is_empty() {
        return Vec::new();
    }
    // Who may not read what is above cannot be told what it defines.
    let Some(properties) = svn
        .run(&["proplist", "--xml", "--verbose"], &operands)
        .ok()
        .and_then(|told| xml::parse_properties(&told, "svn:externals").ok())
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (of, value) in properties {
        if let Some(directory) = above.iter().find(|directory| url(directory) == of) {
            let paths = from_above(&value, directory, &top).into_iter();
            found.extend(paths.map(|path| FromAbove {
                path,
                is_there: false,
            }));
        }
    }
    found
}

/// Refuses what is there and belongs to what is packed; returns a warning for what is not there.
pub(in crate::source::svn) fn judge(
    externals: &[FromAbove],
    filter: &Filter,
) -> Result<Vec<String>, ExternalError> {
    let mut judge = filter.judge();
    let mut warnings = Vec::new();
    for FromAbove { path, is_there } in externals {
        if !judge.takes(path, true) && !judge.may_take_below(path) {
            continue;
        }
        if *is_there {
            return Err(ExternalError::FromAbove { path: path.clone() });
        }
        warnings.push(format!(
            "the external `{path}` is defined above the packed directory and not part of the release"
        ));
    }
    Ok(warnings)
}
