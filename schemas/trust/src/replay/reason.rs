//! Reasons: the sentence for each rule that an entry can break.

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::statement::{Action, Severity, Wave};
use bulla_schemas::{ChannelName, Digest, Name, ProjectName};

use crate::envelope::EnvelopeError;
use crate::policy::PolicyError;
use crate::statement::StatementError;

/// Why an entry of the log has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Not a canonical envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Not a statement that we know.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// There is no policy that could allow anything.
    #[error("the log does not begin with a policy, so nobody may say anything")]
    NoPolicy,
    /// A signature under a known key that is not that key's.
    #[error("the signature of `{owner}` does not belong to this statement")]
    Signature {
        /// Whose key it names.
        owner: Name,
    },
    /// A signature that counts for nothing: refused when an envelope is submitted, passed over in
    /// the log.
    #[error("the policy does not know the key `{key_id}`, which signed the envelope")]
    UnknownKey {
        /// The fingerprint that the signature names.
        key_id: String,
    },
    /// Signed by somebody who does not decide about it: refused when an envelope is proposed, passed
    /// over in the log.
    #[error("`{owner}` signed, and does not decide about {what}")]
    NotAsked {
        /// Who signed.
        owner: Name,
        /// What would be decided.
        what: String,
    },
    /// Signed for a history that is longer than the log.
    #[error("it was signed for a log of {signed} entries and stands at entry {entry}")]
    Future {
        /// The size that the signers saw.
        signed: u64,
        /// Where the entry stands.
        entry: u64,
    },
    /// Signed for an empty log, which fits every history.
    #[error("it was signed for an empty log and stands at entry {entry}")]
    Unbound {
        /// Where the entry stands.
        entry: u64,
    },
    /// Signed for another history: the signers were shown a fork.
    #[error("it was signed for another history: at size {size} the signers saw root {signed}, the log has {root}", signed = .signed.hex(), root = .root.hex())]
    OtherHistory {
        /// The size that the signers saw.
        size: u64,
        /// The root that they saw.
        signed: Digest,
        /// The root of this log at that size.
        root: Digest,
    },
    /// Too few of those who may sign.
    #[error("{what} has a threshold of {needed}, found signatures of {}", list(.found))]
    Threshold {
        /// What they would have decided.
        what: String,
        /// How many it takes.
        needed: u32,
        /// Who signed and may.
        found: Vec<Name>,
    },
    /// A policy that cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A first policy that is not the first entry.
    #[error("the first policy must be entry 0, found it at entry {entry}")]
    LateGenesis {
        /// Where it stands.
        entry: u64,
    },
    /// Not the next version.
    #[error("expected version {expected} of the policy, found {found}")]
    PolicyVersion {
        /// One more than the version in effect.
        expected: u64,
        /// The version it says.
        found: u64,
    },
    /// Made after another policy than the one in effect.
    #[error("the policy follows another one than version {version}, which is in effect")]
    PolicyPrevious {
        /// The version in effect.
        version: u64,
    },
    /// A log's name never changes.
    #[error("the log's name is `{expected}` and never changes, but the policy says {found:?}")]
    Origin {
        /// The log's name.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// A subject of one project in a statement about another.
    #[error("the statement is about `{project}`, its subject about `{subject}`")]
    SubjectProject {
        /// The project that the statement names.
        project: ProjectName,
        /// The project of the subject.
        subject: ProjectName,
    },
    /// No builder of the policy signed.
    #[error("no builder of the policy signed the release")]
    NoBuilder,
    /// A builder outside its limits.
    #[error("the builder `{builder}` may not release this {part}: {found:?}")]
    BuilderScope {
        /// The builder.
        builder: Name,
        /// What is outside.
        part: ScopePart,
        /// What the statement says.
        found: String,
    },
    /// The same builders said the same before.
    #[error("the same builders made this statement in entry {entry}")]
    Repeated {
        /// Where they said it.
        entry: u64,
    },
    /// No rule for the channel.
    #[error("no rule of the policy lets anybody move `{channel}` of `{project}`")]
    NobodyMay {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
    },
    /// Not the channel's next promotion.
    #[error("expected promotion {expected} of `{channel}`, found {found}")]
    Sequence {
        /// The channel.
        channel: ChannelName,
        /// One more than the last.
        expected: u64,
        /// The number it says.
        found: u64,
    },
    /// Made after another promotion than the channel's last.
    #[error("the promotion follows another one than the last of `{channel}`")]
    Previous {
        /// The channel.
        channel: ChannelName,
    },
    /// Nobody built it.
    #[error("no builder released {hash} for `{project}`")]
    NotReleased {
        /// The project.
        project: ProjectName,
        /// The bundle.
        hash: Digest,
    },
    /// Only built from a checkout with changes that are in no revision.
    #[error("{hash} was packed from a checkout with uncommitted changes")]
    Dirty {
        /// The bundle.
        hash: Digest,
    },
    /// People said no.
    #[error("{hash} is revoked")]
    Revoked {
        /// The bundle.
        hash: Digest,
    },
    /// It has not been where it must have been.
    #[error("{hash} was never the head of `{via}`, which `{channel}` asks for")]
    Via {
        /// The bundle.
        hash: Digest,
        /// The channel that moves.
        channel: ChannelName,
        /// The channel it has to come through.
        via: ChannelName,
    },
    /// The word does not match the fact.
    #[error("the promotion says `{found}`, in fact it is a `{expected}`")]
    Action {
        /// What it is.
        expected: Action,
        /// What it says.
        found: Action,
    },
    /// The channel points there already.
    #[error("`{channel}` points to {hash} already")]
    NoChange {
        /// The channel.
        channel: ChannelName,
        /// The bundle.
        hash: Digest,
    },
    /// A field that its action does not have.
    #[error("a `{action}` here has no `{field}`")]
    Misplaced {
        /// The action.
        action: Action,
        /// The field.
        field: &'static str,
    },
    /// A field that says what its action says without it.
    #[error("a `{action}` leaves `urgent` out where it is `{urgent}`")]
    Default {
        /// The action.
        action: Action,
        /// What it says.
        urgent: bool,
    },
    /// A widening of something that is not the head.
    #[error("a widening keeps the head of `{channel}`; {hash} is not the head")]
    WidenElsewhere {
        /// The channel.
        channel: ChannelName,
        /// The subject.
        hash: Digest,
    },
    /// A widening of a head at which servers are to stop.
    #[error("`{channel}` is paused, so no further server may go")]
    WidenPaused {
        /// The channel.
        channel: ChannelName,
    },
    /// A widening where all servers may go.
    #[error("{hash} was not promoted to `{channel}` in waves, so every server may go")]
    NoWaves {
        /// The channel.
        channel: ChannelName,
        /// The head.
        hash: Digest,
    },
    /// A widening to a wave that may go already, or to none.
    #[error("expected a wave after {open}, up to which `{channel}` is open; found {}", found.map_or_else(|| "none".to_owned(), |wave| wave.to_string()))]
    NotWider {
        /// The channel.
        channel: ChannelName,
        /// The last wave that may go.
        open: Wave,
        /// The wave it says.
        found: Option<Wave>,
    },
    /// A pause of something that is not the head.
    #[error("a pause keeps the head of `{channel}`; {hash} is not the head")]
    PauseElsewhere {
        /// The channel.
        channel: ChannelName,
        /// The subject.
        hash: Digest,
    },
}

/// The part of a release that a builder's rule limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopePart {
    /// `builder.id`.
    BuilderId,
    /// The project.
    Project,
    /// The source.
    Source,
    /// The branch, tag or path.
    Reference,
}

impl std::fmt::Display for ScopePart {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::BuilderId => "builder id",
            Self::Project => "project",
            Self::Source => "source",
            Self::Reference => "ref",
        })
    }
}

impl Outcome for Reason {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Sequence { .. }
            | Self::Previous { .. }
            | Self::PolicyVersion { .. }
            | Self::PolicyPrevious { .. } => {
                "another statement came first; read the log again, then retry"
            }
            Self::Future { .. } | Self::OtherHistory { .. } => {
                "the signers were shown another history than this log's: compare both before anything else"
            }
            Self::Dirty { .. } => "commit the changes and publish again",
            Self::Revoked { .. } => "a revocation is permanent; build or promote another bundle",
            Self::UnknownKey { .. } => "sign with a key of the policy only; its root can add a key",
            Self::Threshold { .. } | Self::NoBuilder => {
                "a key that the policy does not know does not count; ask someone in the policy's root to add it"
            }
            Self::NotReleased { .. } => "publish it first",
            Self::Via { .. } => "promote it there first",
            Self::Policy(error) => return error.hint(),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Tells whether a severity stops a promotion.
pub(super) fn blocks(severity: Option<Severity>) -> bool {
    severity == Some(Severity::Block)
}

fn list(names: &[Name]) -> String {
    if names.is_empty() {
        return "nobody who may sign".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
