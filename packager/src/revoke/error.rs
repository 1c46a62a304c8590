//! Why releases were not revoked.

use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Name, ProjectName};

use crate::person::PersonError;
use crate::sign::SignError;

/// Why releases were not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// Nobody whom the policy names signs with the key.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// The person moves no channel of the project and is not of the root.
    #[error("`{name}` may not revoke releases of {project}")]
    NotAllowed {
        /// The person.
        name: Name,
        /// The project.
        project: ProjectName,
    },
    /// More than one statement names.
    #[error("a revocation names at most {most} releases, found {found}")]
    TooMany {
        /// The most.
        most: usize,
        /// How many.
        found: usize,
    },
    /// The statement cannot be signed, or would change nothing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The log does not show the revocation.
    #[error("the registry took the revocation, but its log does not show it yet")]
    NotIncluded,
    /// The registry did not take the revocation.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl Outcome for RevokeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Person(error) => error.kind(),
            Self::NotAllowed { .. } => FailureKind::Refused,
            Self::TooMany { .. } => FailureKind::Usage,
            Self::Sign(error) => error.kind(),
            Self::NotIncluded => FailureKind::Temporary,
            Self::Client(error) => error.kind(),
            Self::Follow(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Person(error) => error.hint(),
            Self::NotAllowed { .. } => Some(
                "ask somebody who may move a channel of the project, or a person of the root: \
                 `bulla policy show` names them"
                    .to_owned(),
            ),
            Self::TooMany { .. } => Some("revoke them by several commands".to_owned()),
            Self::Sign(error) => error.hint(),
            Self::NotIncluded => Some("run the same command again".to_owned()),
            Self::Client(error) => error.hint(),
            Self::Follow(error) => error.hint(),
        }
    }
}
