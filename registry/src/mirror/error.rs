//! What can go wrong with what another registry gives.

use bulla_files::FileError;
use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::outcome::{FailureKind, Outcome, with_causes};

use crate::database::DatabaseError;
use crate::publish::PublishError;
use crate::store::StoreError;

/// Why nothing more is taken from another registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// Its log.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// It does not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something could not be published here.
    #[error("what came cannot be stored")]
    Publish(#[source] PublishError),
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Too many uploads, or no randomness.
    #[error("content cannot be received")]
    Receive(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The data directory is none of a mirror.
    #[error("this registry is no mirror")]
    NoMirror,
    /// Nothing is known of the log of this registry.
    #[error("nothing says which log is to be mirrored from {url}")]
    NoAnchor {
        /// The registry.
        url: String,
    },
}

impl MirrorError {
    /// Returns the file operation that failed, where one did.
    pub(crate) fn file_error(&self) -> Option<&FileError> {
        match self {
            Self::File(error)
            | Self::Publish(PublishError::File(error))
            | Self::Follow(FollowError::File(error)) => Some(error),
            _ => None,
        }
    }
}

impl Outcome for MirrorError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Follow(error) => error.kind(),
            Self::Client(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Database(error) => error.kind(),
            Self::Publish(_) | Self::Receive(_) | Self::NoMirror => FailureKind::Failed,
            Self::NoAnchor { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Follow(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Database(error) => error.hint(),
            Self::Publish(_) | Self::Receive(_) | Self::NoMirror => None,
            Self::NoAnchor { .. } => Some(
                "give the line that `bulla anchor` prints with --anchor; --trust-first-use takes \
                 whatever log is there"
                    .to_owned(),
            ),
        }
    }
}

/// Why one content is not taken over.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The other registry does not have it.
    Absent,
    /// It is not what it should be, or not for this caller; why, in a sentence.
    Refused(String),
    /// Nothing more can be taken now.
    Error(MirrorError),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            _ if error.is_not_found() => Self::Absent,
            ClientError::Malformed { .. }
            | ClientError::TooLarge { .. }
            | ClientError::Size { .. }
            | ClientError::Range { .. } => Self::Refused(with_causes(&error)),
            ClientError::Answer(answer)
                if (400..500).contains(&answer.status) && !error.is_temporary() =>
            {
                Self::Refused(with_causes(&error))
            }
            _ => Self::Error(error.into()),
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Digest { .. }
            | PublishError::Manifest(_)
            | PublishError::NotAdmitted(_)
            | PublishError::PartUnknown { .. }
            | PublishError::PartSize { .. }
            | PublishError::PartDamaged { .. }
            | PublishError::FrameUnknown { .. } => Self::Refused(with_causes(&error)),
            PublishError::File(error) => error.into(),
            PublishError::Database(error) => error.into(),
            error => Self::Error(MirrorError::Publish(error)),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Digest { .. } => Self::Refused(error.to_string()),
            StoreError::File(error) => error.into(),
            error => Self::Error(MirrorError::Receive(error.into())),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::Error(error.into())
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Error(error.into())
    }
}
