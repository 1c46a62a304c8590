//! `set-aside/`: trees that were changed by hand, out of the way of releases. Nothing here is ever
//! removed but by a person who names it.
//!
//! ```text
//! set-aside/
//!   <64 hex>-<seconds>        the tree, as it was found
//!   <64 hex>-<seconds>.json   what differed in it
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use bulla_schemas::report::server::SetAside;
use bulla_schemas::{Digest, Timestamp};

use super::error::DriftError;
use crate::platform::files::{self, Attempt as _, FileError};
use crate::site::Site;
use crate::tree::compare::Difference;
use crate::tree::{TreeError, releases, remove};

/// Returns a free path in `set-aside/` for the tree of a release.
pub(crate) fn free_path(site: &Site, hash: &Digest, now: Timestamp) -> PathBuf {
    let directory = site.set_aside();
    let name = format!("{}-{}", hash.hex(), now.as_seconds());
    let mut path = directory.join(&name);
    let mut count = 1;
    while fs::symlink_metadata(&path).is_ok() {
        count += 1;
        path = directory.join(format!("{name}-{count}"));
    }
    path
}

/// Names what lies at a path instead of a tree; `None` when a directory does, or nothing.
pub(crate) fn stand_in(path: &Path) -> Option<&'static str> {
    let found = fs::symlink_metadata(path).ok()?.file_type();
    match (found.is_dir(), found.is_symlink()) {
        (true, _) => None,
        (false, true) => Some("link"),
        (false, false) => Some("file"),
    }
}

/// Moves the tree of a release out of `releases/` and keeps it. Returns where.
pub(crate) fn keep(
    site: &Site,
    hash: &Digest,
    differences: &[Difference],
    now: Timestamp,
) -> Result<PathBuf, TreeError> {
    let directory = site.set_aside();
    fs::create_dir_all(&directory).attempt("create the directory", &directory)?;
    let path = free_path(site, hash, now);
    releases::take_out(site, hash, &path)?;
    describe(&path, differences);
    files::sync_directory(&directory)?;
    Ok(path)
}

/// Writes down what differs in a tree that was set aside. The tree is what counts: a disk that is
/// full does not stop it from being kept.
pub(crate) fn describe(tree: &Path, differences: &[Difference]) {
    if let Ok(mut text) = serde_json::to_vec_pretty(differences) {
        text.push(b'\n');
        let _ = files::write(&description(tree), &text);
    }
}

/// Lists what is set aside of a project, the oldest first.
pub(crate) fn list(site: &Site) -> Result<Vec<SetAside>, FileError> {
    let directory = site.set_aside();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).attempt("list", &directory),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.attempt("list", &directory)?.file_name();
        let Some((name, hash, set_aside_at)) = name.to_str().and_then(parse) else {
            continue;
        };
        let path = directory.join(name);
        found.push(SetAside {
            project: site.project().clone(),
            differences: read_description(&path),
            name: name.to_owned(),
            path,
            hash,
            set_aside_at,
        });
    }
    found.sort_by(|left, right| {
        (left.set_aside_at, &left.name).cmp(&(right.set_aside_at, &right.name))
    });
    Ok(found)
}

/// Finds one tree by its name or the beginning of it.
pub(crate) fn find(site: &Site, asked: &str) -> Result<SetAside, DriftError> {
    let mut matching = list(site)?;
    if let Some(exact) = matching.iter().position(|tree| tree.name == asked) {
        matching = vec![matching.swap_remove(exact)];
    } else {
        matching.retain(|tree| !asked.is_empty() && tree.name.starts_with(asked));
    }
    let [tree] = <[SetAside; 1]>::try_from(matching).map_err(|_| DriftError::NotSetAside {
        asked: asked.to_owned(),
        directory: site.set_aside(),
    })?;
    Ok(tree)
}

/// Removes a tree that was found.
pub(crate) fn remove(tree: &SetAside) -> Result<(), DriftError> {
    remove::remove_tree(&tree.path)?;
    files::remove(&description(&tree.path))?;
    Ok(())
}

fn description(tree: &Path) -> PathBuf {
    tree.with_added_extension("json")
}

fn read_description(tree: &Path) -> Vec<Difference> {
    files::read(&description(tree))
        .ok()
        .flatten()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Reads `<64 hex>-<seconds>` or `<64 hex>-<seconds>-<count>`.
fn parse(name: &str) -> Option<(&str, Digest, Timestamp)> {
    let (hex, rest) = name.split_once('-')?;
    let (seconds, count) = rest.split_once('-').unwrap_or((rest, "2"));
    count.parse::<u32>().ok()?;
    let set_aside_at = Timestamp::from_seconds(seconds.parse().ok()?).ok()?;
    Some((name, Digest::from_hex(hex).ok()?, set_aside_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_that_it_gives_and_no_others() {
        let hex = Digest::of(b"release").hex();
        for good in [format!("{hex}-1795100000"), format!("{hex}-1795100000-2")] {
            let (name, hash, at) = parse(&good).unwrap();
            assert_eq!((name, hash.hex()), (good.as_str(), hex.clone()));
            assert_eq!(at.as_seconds(), 1_795_100_000);
        }
        for bad in [
            hex.clone(),
            format!("{hex}-1795100000.json"),
            format!("{hex}-x"),
            "notes.txt".to_owned(),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }
}
