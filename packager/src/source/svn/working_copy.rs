//! Working copies of this user: what is another's is not even read.

use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_svn::{LastChange, Repository, WorkingCopy};

use super::address;
use super::error::SvnError;
use super::revision::Revision;
use crate::source::SourceError;
use crate::source::address::without_secrets;
use crate::source::ownership::require_own_svn;
use crate::source::special::require_files_of_svn;

/// Reads what the working copy at `root` has at or below the directory `top`.
pub(super) fn read(root: &Path, top: &Path) -> Result<WorkingCopy, SourceError> {
    require_own_svn(root)?;
    require_files_of_svn(root)?;
    Ok(WorkingCopy::read(root, top)?)
}

/// Returns the repositories that the working copy at `root` knows.
pub(super) fn repositories(root: &Path) -> Result<Vec<Repository>, SourceError> {
    require_own_svn(root)?;
    require_files_of_svn(root)?;
    Ok(bulla_svn::repositories(root)?)
}

/// Refuses a working copy whose database names a server that only a program of the user's
/// configuration reaches. Before `svn` asks that server.
pub(super) fn require_known_server(root: &Path) -> Result<(), SourceError> {
    for Repository { root: url, .. } in repositories(root)? {
        address::check(&url).map_err(|why| SvnError::Address {
            what: format!("the repository of the working copy `{}`", root.display()),
            url: without_secrets(&url),
            why,
        })?;
    }
    Ok(())
}

/// Returns the revision in which the packed directory last changed.
pub(super) fn last_change(working_copy: &WorkingCopy) -> Result<Revision, SourceError> {
    let LastChange { revision, seconds } = working_copy.last_change()?;
    let committed = Timestamp::from_seconds(seconds).map_err(|source| SourceError::CommitTime {
        revision: format!("r{revision}"),
        source,
    })?;
    Ok(Revision {
        number: revision,
        committed,
        root: working_copy.repository.root.clone(),
        uuid: working_copy.repository.uuid.clone(),
        path: working_copy.repository_path().to_owned(),
    })
}
