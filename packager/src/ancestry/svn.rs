//! The history of a path in a Subversion repository, which only the repository knows.

use std::path::Path;

use super::error::AncestryError;
use super::missing::Missing;
use crate::source::svn::history::{self, Place};

/// Finds the revisions of `live` that are not part of `target`, another path of `repository`.
/// `source` is where a builder found it.
pub(super) fn missing(
    repository: &str,
    live: Place<'_>,
    target: Place<'_>,
    source: Option<&str>,
    directory: &Path,
) -> Result<Missing, AncestryError> {
    let unknown = |source| AncestryError::Svn {
        live: live.path.to_owned(),
        target: target.path.to_owned(),
        source: Box::new(source),
    };
    let here = history::root_of_working_copy(directory, repository).map_err(unknown)?;
    let elsewhere = || source.and_then(|source| source.strip_prefix("svn+"));
    let Some(root) = here.as_deref().or_else(elsewhere) else {
        return Err(AncestryError::NoWorkingCopy {
            directory: directory.to_owned(),
        });
    };
    let numbers = history::missing(root, repository, live, target).map_err(unknown)?;
    if numbers.is_empty() {
        return Ok(Missing::Nothing);
    }
    Ok(Missing::SvnRevisions {
        path: live.path.to_owned(),
        numbers,
    })
}
