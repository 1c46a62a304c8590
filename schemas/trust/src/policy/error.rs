//! What can be wrong with a policy.

use bulla_schemas::Name;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::key::KeyError;
use crate::note::NoteError;

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Versions count from 1.
    #[error("a policy's version is at least 1")]
    Version,
    /// Not a name for a log.
    #[error("{found:?} cannot name a log: expected 1 to 255 characters without spaces and `+`")]
    Origin {
        /// What stood there.
        found: String,
    },
    /// A name that stands twice where it may stand once.
    #[error("`{name}` stands twice in {place}")]
    Twice {
        /// The name.
        name: String,
        /// The part of the policy.
        place: &'static str,
    },
    /// A name that nobody has.
    #[error("`{name}` in {place} is not defined")]
    Unknown {
        /// The name.
        name: String,
        /// The part of the policy.
        place: &'static str,
    },
    /// A person without a key.
    #[error("`{name}` has no key")]
    NoKey {
        /// The person.
        name: Name,
    },
    /// A key that is not acceptable.
    #[error("a key of `{name}` is not acceptable: {source}")]
    Key {
        /// The owner.
        name: Name,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A key with a comment, or with other spaces.
    #[error("a key of `{name}` is not written as its type, one space and base64")]
    KeyText {
        /// The owner.
        name: Name,
    },
    /// A security key, which needs a person's touch.
    #[error("the key of the builder `{name}` is a security key, which only people can use")]
    BuilderKey {
        /// The builder.
        name: Name,
    },
    /// One key for two jobs.
    #[error("the key {fingerprint} stands twice; a key has one owner and one purpose")]
    SharedKey {
        /// The key.
        fingerprint: String,
    },
    /// A verifier key that is not acceptable.
    #[error("`{text}` in {place} is not acceptable: {source}")]
    VerifierKey {
        /// The key.
        text: String,
        /// The part of the policy.
        place: &'static str,
        /// What is wrong with it.
        source: NoteError,
    },
    /// A log key under another name than the log's.
    #[error("expected the log's keys to be named `{expected}`, found `{found}`")]
    LogKeyName {
        /// The origin.
        expected: String,
        /// The key's name.
        found: String,
    },
    /// Nobody could sign checkpoints.
    #[error("the policy has no log key")]
    NoLogKey,
    /// A number of signers that is zero or cannot be reached.
    #[error("{place} needs {threshold} signers and names {available}")]
    Threshold {
        /// The part of the policy.
        place: String,
        /// How many must sign.
        threshold: u32,
        /// How many could.
        available: usize,
    },
    /// More witnesses than there are.
    #[error(
        "the quorum of `witnesses` needs {quorum} cosignatures, and the policy names {available}"
    )]
    Quorum {
        /// How many must cosign.
        quorum: u32,
        /// How many could.
        available: usize,
    },
    /// A `*` that is not at the end.
    #[error("`{pattern}` is not a pattern: `*` may only stand at the end")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// Statements could not name the builder.
    #[error("the builder `{name}` has an empty `builderId`")]
    BuilderId {
        /// The builder.
        name: Name,
    },
}

impl Outcome for PolicyError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Key { source, .. } => source.hint(),
            Self::SharedKey { .. } => Some("make a key of its own for each purpose".to_owned()),
            Self::Threshold { .. } => Some(
                "a threshold is at least 1 and at most as many as are named: name others first, or lower it"
                    .to_owned(),
            ),
            Self::Quorum { .. } => Some(
                "`bulla policy witness add` names another witness, and `bulla policy witness quorum N` asks \
                 for fewer"
                    .to_owned(),
            ),
            Self::Unknown { name, .. } => Some(format!(
                "`bulla person add {name} KEY.pub` or `bulla builder add {name} KEY.pub` first, or take the \
                 name out there"
            )),
            Self::Twice { name, .. } => Some(format!("leave one `{name}` out")),
            Self::NoKey { name } => Some(format!("give `{name}` a key, or take the person out")),
            Self::BuilderKey { .. } => {
                Some("`bulla key generate FILE` makes a key for a builder".to_owned())
            }
            Self::Pattern { .. } => {
                Some("write the beginning and a `*`, such as `acme/*`, or several patterns".to_owned())
            }
            Self::LogKeyName { .. } => Some(
                "give the line that `bulla-registry log-key --next` prints at this log's registry"
                    .to_owned(),
            ),
            Self::VerifierKey { .. } => Some(
                "give the line as `bulla witness init` or `bulla-registry log-key --next` printed it"
                    .to_owned(),
            ),
            Self::BuilderId { .. } => Some(
                "name what release statements call it; `bulla builder add` does that by itself".to_owned(),
            ),
            Self::Version | Self::Origin { .. } | Self::KeyText { .. } | Self::NoLogKey => None,
        }
    }
}
