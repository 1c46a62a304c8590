//! Why a log cannot be followed.

use std::path::PathBuf;

use bulla_files::FileError;
use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::{LogError, SnapshotError};

use crate::error::ClientError;

/// Why a log cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The registry does not give its log.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The log is not the one that was remembered, or breaks its own rules.
    #[error("refusing the log of {url}")]
    Refused {
        /// The registry.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<LogError>,
        /// Where the checkpoints are kept that cannot both be true.
        kept: Option<PathBuf>,
    },
    /// Another log is followed in this directory.
    #[error("the log `{origin}` is followed in `{}` already", .directory.display())]
    Enrolled {
        /// The directory.
        directory: PathBuf,
        /// The log's name.
        origin: String,
    },
    /// The remembered history is not the one that an anchor commits to.
    #[error("the remembered log `{origin}` of {size} entries does not contain the anchor {anchor}")]
    OtherAnchor {
        /// The anchor.
        anchor: Box<Anchor>,
        /// The remembered log.
        origin: String,
        /// How far it has come.
        size: u64,
    },
    /// There is no snapshot.
    #[error("there is no snapshot of a log at `{}`", .path.display())]
    NoSnapshot {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another snapshot than the one that was named.
    #[error("expected the snapshot {expected}, and `{}` is {found}", .path.display())]
    OtherSnapshot {
        /// The file.
        path: PathBuf,
        /// The digest that was named.
        expected: Digest,
        /// The file's.
        found: Digest,
    },
    /// The snapshot cannot be read.
    #[error("`{}` cannot be taken for a snapshot", .path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: SnapshotError,
    },
    /// A file of the directory cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of the directory is damaged.
    #[error("`{}` is damaged", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has held the lock for long.
    #[error("{holder} has been holding `{}` for a minute", .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
}

impl FollowError {
    pub(super) fn refused(url: &str, error: LogError) -> Self {
        Self::Refused {
            url: url.to_owned(),
            source: Box::new(error),
            kept: None,
        }
    }
}

impl Outcome for FollowError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Client(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Refused { source, .. } => source.kind(),
            Self::OtherAnchor { .. } | Self::OtherSnapshot { .. } | Self::Snapshot { .. } => {
                FailureKind::Refused
            }
            Self::NoSnapshot { .. } => FailureKind::Usage,
            Self::Locked { .. } => FailureKind::Temporary,
            Self::Enrolled { .. } | Self::Damaged { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Client(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Refused {
                kept: Some(path), ..
            } => Some(format!(
                "both signed checkpoints are kept in `{}`, and `bulla compare` checks them: either the \
                 registry was restored from an older backup and went on from there, or somebody shows \
                 two histories; ask its operator, and trust neither until you know",
                path.display()
            )),
            Self::Refused { source, .. } => source.hint(),
            Self::Enrolled { .. } => Some("use another state directory".to_owned()),
            Self::Damaged { path, .. } => Some(format!(
                "move `{}` away and enroll again with an anchor",
                path.parent().unwrap_or(path).display()
            )),
            Self::OtherAnchor { .. } => Some(
                "either the anchor or the log is another registry's, or the registry showed two \
                 histories: ask a colleague for the output of `bulla anchor`"
                    .to_owned(),
            ),
            Self::OtherSnapshot { .. } => Some(
                "it is damaged, or somebody exchanged it: take it again, and its digest from who made it"
                    .to_owned(),
            ),
            Self::Snapshot { .. } => Some(
                "make it with a `bulla` of this installer's version: `bulla log snapshot`".to_owned(),
            ),
            Self::NoSnapshot { .. } => Some("`bulla log snapshot` makes one".to_owned()),
            Self::Locked { .. } => None,
        }
    }
}
