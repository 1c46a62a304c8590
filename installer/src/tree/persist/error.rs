//! Why persistent paths are not as a release needs them.

use std::path::PathBuf;

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::report::server::MissingPath;

use crate::config::Owner;
use crate::platform::files::FileError;

/// Why a persistent path is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersistError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A link that a user of the application may have placed.
    #[error(
        "nothing is created through the link `{}` to `{}`: it, or the directory that it lies in, belongs to user id {owner} or may be written by others",
        link.display(),
        target.display()
    )]
    ForeignLink {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// Whose it is, or whose directory it lies in.
        owner: u32,
    },
    /// A user or group that this machine does not have.
    #[error("persistent directories cannot be given to `{owner}`, who is unknown on this server")]
    UnknownOwner {
        /// Who should get them.
        owner: Owner,
    },
    /// A file where a directory must be.
    #[error("`{}` is not a directory", path.display())]
    NoDirectory {
        /// What is in the way.
        path: PathBuf,
    },
    /// A directory that cannot be had: its disk is not mounted.
    #[error("a persistent directory cannot be reached: {missing}")]
    Unreachable {
        /// The directory.
        missing: Box<MissingPath>,
    },
    /// The release requires what is not there.
    #[error("the release requires what is not there: {}", list(missing))]
    Required {
        /// What is missing.
        missing: Vec<MissingPath>,
    },
}

impl Outcome for PersistError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::NoDirectory { .. } | Self::Unreachable { .. } => FailureKind::Failed,
            Self::UnknownOwner { .. } => FailureKind::Usage,
            Self::ForeignLink { .. } | Self::Required { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::ForeignLink { target, .. } => Some(format!(
                "create the directory yourself below `{}`, and run the same command again",
                target.display()
            )),
            Self::UnknownOwner { .. } => Some(
                "create the user or group, or change `persist.owner` of the project in the host \
                 file"
                    .to_owned(),
            ),
            Self::NoDirectory { .. } => Some("move it away".to_owned()),
            Self::Unreachable { .. } => {
                Some("mount the disk that it leads to, or remove the link".to_owned())
            }
            Self::Required { .. } => {
                Some("put it there, and run the same command again; nothing was changed".to_owned())
            }
        }
    }
}

fn list(missing: &[MissingPath]) -> String {
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    missing.join(", ")
}
