//! Why a witness does not cosign.

use std::path::PathBuf;

use bulla_files::FileError;
use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::checkpoint::CheckpointError;
use bulla_trust::note::NoteError;

/// Why a witness does not cosign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Nothing says what was cosigned before.
    #[error("`{}` does not exist, so nothing says what this witness cosigned before", .path.display())]
    Forgotten {
        /// The file.
        path: PathBuf,
    },
    /// The file says nothing that can be read.
    #[error("`{}` is damaged: it says what this witness cosigned before", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: CheckpointError,
    },
    /// Another process cosigns by the same file.
    #[error("{holder} is cosigning by `{}`", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// No policy names the key.
    #[error("no policy of `{origin}` names the key {fingerprint} as a witness's")]
    NotNamed {
        /// The key.
        fingerprint: String,
        /// The log.
        origin: String,
    },
    /// Checkpoints of two histories in one answer.
    #[error("the registry shows witnesses checkpoints of two histories")]
    OtherWaiting {
        /// Where both are kept.
        kept: Option<PathBuf>,
    },
    /// The name cannot stand in a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The log is refused.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The registry does not answer, or does not take the cosignature.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Outcome for WitnessError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Forgotten { .. }
            | Self::Damaged { .. }
            | Self::NotNamed { .. }
            | Self::OtherWaiting { .. } => FailureKind::Refused,
            Self::Locked { .. } => FailureKind::Temporary,
            Self::Note(_) => FailureKind::Usage,
            Self::Follow(error) => error.kind(),
            Self::Client(error) => error.kind(),
            Self::File(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Forgotten { .. } => {
                "bring the file back, from a backup or the repository that has it; a new witness \
                 begins with --begin"
                    .to_owned()
            }
            Self::Damaged { path, .. } => format!(
                "bring `{}` back from a backup that is not older than its last cosignature",
                path.display()
            ),
            Self::NotNamed { .. } => {
                "`bulla policy witness add LINE` names it, with the line of `bulla witness init`"
                    .to_owned()
            }
            Self::OtherWaiting { kept: Some(path) } => format!(
                "both are kept in `{}`, and `bulla compare` checks them",
                path.display()
            ),
            Self::Locked { .. } | Self::OtherWaiting { kept: None } | Self::Note(_) => return None,
            Self::Follow(error) => return error.hint(),
            Self::Client(error) => return error.hint(),
            Self::File(error) => return error.hint(),
        })
    }
}
