//! What a release says about a Subversion revision, however it was read.

use bulla_schemas::Timestamp;
use bulla_schemas::release::Source;
use bulla_schemas::statement::Build;

use super::error::SvnError;
use super::xml::Info;
use crate::source::address::public;
use crate::source::{Provenance, SourceError};

/// A revision of one directory in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    /// The number of the revision in which the directory last changed.
    pub(super) number: u64,
    /// When that was.
    pub(super) committed: Timestamp,
    /// The URL of the repository's root.
    pub(super) root: String,
    /// The repository's UUID.
    pub(super) uuid: String,
    /// The path inside the repository, empty for its root.
    pub(super) path: String,
}

impl Revision {
    /// Reads `svn info`; `repository` is what the user named.
    pub(super) fn of(info: &Info, repository: &str) -> Result<Self, SourceError> {
        let Some(commit) = &info.commit else {
            return Err(SvnError::NeverCommitted {
                repository: repository.to_owned(),
            }
            .into());
        };
        let committed = commit.date().map_err(|source| SourceError::CommitTime {
            revision: format!("r{}", commit.revision),
            source,
        })?;
        Ok(Self {
            number: commit.revision,
            // A server may keep the date to itself.
            committed: committed.unwrap_or(Timestamp::EPOCH),
            root: info.repository.root.clone(),
            uuid: info.repository.uuid.clone(),
            path: info.path(),
        })
    }

    /// Returns what the release document says.
    pub(super) fn source(&self) -> Source {
        Source::Svn {
            revision: self.number.to_string(),
            uuid: self.uuid.clone(),
            path: self.path.clone(),
            committed: self.committed,
        }
    }

    /// Returns what the release statement says.
    pub(super) fn provenance(&self) -> Provenance {
        Provenance {
            source: format!("svn+{}", public(&self.root).unwrap_or_default()),
            label: label(&self.path),
            reference: self.path.clone(),
            dirty: false,
            build: Build::None,
        }
    }
}

/// Returns the last name of a path like `tags/NAME` or `project/tags/NAME`.
fn label(path: &str) -> String {
    let mut parts = path.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(name), Some("tags")) => name.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_label() {
        assert_eq!(label("tags/1.2"), "1.2");
        assert_eq!(label("billing/tags/1.2"), "1.2");
        for path in ["", "trunk", "tags", "tags/1.2/src", "mytags/1"] {
            assert_eq!(label(path), "", "{path}");
        }
    }
}
