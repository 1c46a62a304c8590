//! What of one path's history another path has, as the repository tells: by the copies that they
//! come from and by what was merged (`svn mergeinfo`).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use bulla_svn::externals::location;

use super::address;
use super::program::Svn;
use super::working_copy;
use crate::source::SourceError;
use crate::source::address::{public, without_secrets};
use crate::source::svn::error::SvnError;

/// A path of a repository at a revision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a str,
    pub(crate) number: u64,
}

/// Returns the root of the repository with the UUID or address `repository`, as the working copy at
/// or above `directory` reaches it. None when it is not one of that repository.
pub(crate) fn root_of_working_copy(
    directory: &Path,
    repository: &str,
) -> Result<Option<String>, SourceError> {
    let directory = directory.canonicalize().unwrap_or_default();
    let Some(top) = directory
        .ancestors()
        .find(|ancestor| ancestor.join(".svn").is_dir())
    else {
        return Ok(None);
    };
    let known = working_copy::repositories(top)?;
    let found = known.into_iter().find(|known| {
        known.uuid == repository
            || public(&known.root).is_some_and(|url| repository.strip_prefix("svn+") == Some(&*url))
    });
    Ok(found.map(|known| known.root))
}

/// Asks the repository at `root`, which must be `repository`, which revisions of `live` are not part
/// of `target`.
pub(crate) fn missing(
    root: &str,
    repository: &str,
    live: Place<'_>,
    target: Place<'_>,
) -> Result<BTreeSet<u64>, SourceError> {
    address::check(root).map_err(|why| SvnError::Address {
        what: "the repository".to_owned(),
        url: without_secrets(root),
        why,
    })?;
    // Nothing is written.
    let svn = Svn::new(&without_secrets(root), Path::new(""));
    let found = svn.describe(&format!("{root}@HEAD"), None)?.repository.uuid;
    if !repository.starts_with("svn+") && found != repository {
        return Err(SvnError::OtherRepository {
            url: without_secrets(root),
            expected: repository.to_owned(),
            found,
        }
        .into());
    }
    let operand = |place: Place<'_>| {
        let url = location::below(root, place.path);
        format!("{url}@{}", place.number)
    };
    let operands = [operand(live), operand(target)];
    // Also what was merged into a part of it only.
    let arguments = ["mergeinfo", "--recursive", "--show-revs", "eligible"];
    let told = svn.run(&arguments, &operands)?;
    revisions(&told).ok_or_else(|| {
        let what = String::from_utf8_lossy(&told).into_owned();
        let source = io::Error::new(io::ErrorKind::InvalidData, what);
        SourceError::io(
            "cannot understand what is said by",
            Path::new("svn"),
            source,
        )
    })
}

/// Reads `r12` on each line, with a `*` for what was merged in part.
fn revisions(told: &[u8]) -> Option<BTreeSet<u64>> {
    let lines = std::str::from_utf8(told).ok()?.lines();
    lines
        .map(|line| {
            let number = line.strip_prefix('r')?;
            number.strip_suffix('*').unwrap_or(number).parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_revisions_and_nothing_else() {
        assert_eq!(revisions(b""), Some(BTreeSet::new()));
        assert_eq!(revisions(b"r7\nr12*\n"), Some([7, 12].into()));
        for wrong in ["7", "r", "rx", "path of r7"] {
            assert_eq!(revisions(wrong.as_bytes()), None);
        }
    }
}
