//! Why a proposal is not believed, found or signed.

use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, DigestPrefix, Name};
use bulla_trust::Reason;

use super::progress::Void;
use crate::person::PersonError;
use crate::sign::SignError;

/// Why a proposal is not believed, found or signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PendingError {
    /// What the registry gives is not what anybody signed.
    #[error("the registry gives {} not as it was signed: {reason}", .id.short())]
    Forged {
        /// The proposal.
        id: Digest,
        /// How.
        reason: Reason,
    },
    /// What the registry gives is another statement.
    #[error(
        "the registry gives another statement as {}: {}", .id.short(), .found.short()
    )]
    OtherStatement {
        /// The proposal.
        id: Digest,
        /// What it is.
        found: Digest,
    },
    /// Nothing of that name waits.
    #[error("nothing waits for signatures as {id}")]
    Unknown {
        /// What was named.
        id: DigestPrefix,
    },
    /// Several ids begin so.
    #[error("`{id}` is the beginning of several: {}", list(.found.iter().map(Digest::hex)))]
    Ambiguous {
        /// What was named.
        id: DigestPrefix,
        /// What begins so.
        found: Vec<Digest>,
    },
    /// It can never take effect.
    #[error("{} cannot take effect any more: {void}", .id.short())]
    Void {
        /// The proposal.
        id: Digest,
        /// Why.
        void: Box<Void>,
    },
    /// Somebody proposed the same.
    #[error("{} proposed the same already", list(.signed))]
    Same {
        /// The proposal.
        id: Digest,
        /// Who has signed it.
        signed: Vec<Name>,
    },
    /// Nobody whom the policy names signs with the key.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// The person does not decide about it.
    #[error("`{name}` does not decide about {what}")]
    NotAsked {
        /// The person.
        name: Name,
        /// What is decided about.
        what: String,
        /// Who does.
        asked: Vec<Name>,
    },
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The registry took a signature, and does not show it.
    #[error("the registry took the signature of {}, and does not show it", .id.short())]
    NotKept {
        /// The proposal.
        id: Digest,
    },
    /// The log does not show it.
    #[error("{} has all signatures, and the log does not show it yet", .id.short())]
    NotIncluded {
        /// The proposal.
        id: Digest,
    },
    /// The registry did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl Outcome for PendingError {
    fn kind(&self) -> FailureKind {
        match self {
            // A name that leads to nothing, as everywhere else.
            Self::Unknown { .. } | Self::Ambiguous { .. } => FailureKind::Failed,
            Self::NotIncluded { .. } => FailureKind::Temporary,
            Self::Person(error) => error.kind(),
            Self::Sign(error) => error.kind(),
            Self::Client(error) => error.kind(),
            Self::Follow(error) => error.kind(),
            Self::Void { void, .. } => match &**void {
                Void::Overtaken(meanwhile) => meanwhile.kind(),
                Void::Inert(reason) => reason.kind(),
            },
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Forged { .. } | Self::OtherStatement { .. } => {
                "sign nothing of it: a registry that changes what people signed is broken or hostile; ask \
                 who proposed it"
                    .to_owned()
            }
            Self::Unknown { .. } => {
                "`bulla pending` lists what waits; it may have been withdrawn or forgotten, or be in the log \
                 (`bulla history`, `bulla policy show`)"
                    .to_owned()
            }
            Self::Ambiguous { .. } => "give more digits".to_owned(),
            Self::Same { id, .. } => format!(
                "`bulla approve {}` signs that; two of the same would only be in each other's way",
                id.short()
            ),
            Self::Void { void, .. } => match &**void {
                Void::Overtaken(_) => {
                    "look with `bulla history` and `bulla policy show`, and propose it again if it is still \
                     meant"
                        .to_owned()
                }
                Void::Inert(reason) => return reason.hint(),
            },
            Self::NotAsked { asked, .. } => format!("ask who does: {}", list(asked)),
            Self::NotKept { .. } | Self::NotIncluded { .. } => {
                "run the same command again; a signature counts once".to_owned()
            }
            Self::Person(error) => return error.hint(),
            Self::Sign(error) => return error.hint(),
            Self::Client(error) => return error.hint(),
            Self::Follow(error) => return error.hint(),
        })
    }
}
