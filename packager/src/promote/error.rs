//! Why a channel was not moved.

use bulla_registry_client::{ClientError, FollowError, Missing};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{ChannelName, Digest, Name, ProjectName};

use crate::contents::ContentsError;
use crate::meanwhile::Meanwhile;
use crate::pending::PendingError;
use crate::person::PersonError;
use crate::sign::SignError;

/// Why a channel was not moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromoteError {
    /// Nobody whom the policy names signs with the key.
    #[error(transparent)]
    Person(#[from] PersonError),
    /// The person is not among those who may move the channel.
    #[error("`{name}` may not move `{channel}` of {project}")]
    NotAllowed {
        /// The person.
        name: Name,
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// Who may, as the policy says it.
        people: Vec<String>,
    },
    /// The policy has no rule for the channel.
    #[error("the policy knows no channel `{channel}` of {project}")]
    UnknownChannel {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The channels that it knows.
        known: Vec<String>,
    },
    /// No builder released it in this project.
    #[error("the log has no release {hash}")]
    NotReleased {
        /// The hash.
        hash: Digest,
    },
    /// The release holds changes that are in no revision.
    #[error("{hash} was packed from a checkout with changes that are in no revision")]
    Dirty {
        /// The release.
        hash: Digest,
    },
    /// People said that the release must not be activated.
    #[error("{hash} was revoked")]
    Revoked {
        /// The release.
        hash: Digest,
    },
    /// Servers could not fetch the release.
    #[error("the registry does not have {hash} any more, so servers could not fetch it")]
    Missing {
        /// The release.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
        /// Whether the channel can go back to it, so that servers may have it.
        is_earlier: bool,
        /// What is missing.
        #[source]
        source: Missing,
    },
    /// Waves of something that all servers have had.
    #[error(
        "`{channel}` pointed to {hash} before, so that this is a rollback, which has no waves of its \
         own"
    )]
    WavesBack {
        /// The release.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
    },
    /// Waves or urgency of a head, which were signed with it.
    #[error(
        "`{channel}` points to {hash} already, and how it reaches the servers was signed with that"
    )]
    OtherRollout {
        /// The release.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
    },
    /// The registry falsifies one of the releases.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The statement cannot be signed, or would change nothing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Others were faster, or decided otherwise.
    #[error(transparent)]
    Meanwhile(#[from] Meanwhile),
    /// What others have to sign, too, is not passed on to them.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// A release that has to be somewhere else first.
    #[error("{} was never the head of `{via}`, which `{channel}` of {project} asks for", .hash.short())]
    Via {
        /// The release.
        hash: Digest,
        /// The project.
        project: ProjectName,
        /// The channel that moves.
        channel: ChannelName,
        /// The channel that it has to pass.
        via: ChannelName,
    },
    /// Two statements for which several people sign, of which the second follows on the first.
    #[error("`{channel}` takes {threshold} people, who sign `pause` and then `resume`")]
    AgainTakesSeveral {
        /// The channel.
        channel: ChannelName,
        /// How many people sign.
        threshold: u32,
    },
    /// A head that is promoted again, of which only the first half was done.
    #[error("`{channel}` is paused at {hash}, and did not go on")]
    LeftPaused {
        /// The channel.
        channel: ChannelName,
        /// Its head.
        hash: Digest,
        /// Why it did not.
        #[source]
        source: Box<PromoteError>,
    },
    /// The log does not show the promotion.
    #[error("the registry took the promotion, but its log does not show it yet")]
    NotIncluded,
    /// The registry did not take the promotion.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl Outcome for PromoteError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Person(error) => error.kind(),
            Self::Contents(error) => error.kind(),
            Self::Sign(error) => error.kind(),
            Self::Client(error) => error.kind(),
            Self::Follow(error) => error.kind(),
            Self::LeftPaused { source, .. } => source.kind(),
            // A name that leads to nothing, as everywhere else.
            Self::UnknownChannel { .. } => FailureKind::Failed,
            Self::Meanwhile(error) => error.kind(),
            Self::Pending(error) => error.kind(),
            Self::NotIncluded => FailureKind::Temporary,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Person(error) => error.hint(),
            Self::Contents(error) => error.hint(),
            Self::Sign(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::Follow(error) => error.hint(),
            Self::NotAllowed { people, .. } => Some(format!("ask who may: {}", people.join(", "))),
            Self::UnknownChannel { known, .. } if known.is_empty() => None,
            Self::UnknownChannel { known, .. } => {
                Some(format!("channels: {}", known.join(", ")))
            }
            Self::NotReleased { .. } => Some("publish it first".to_owned()),
            Self::Dirty { .. } => Some("commit the changes and publish again".to_owned()),
            Self::Revoked { .. } => Some("promote another release".to_owned()),
            Self::Missing {
                hash,
                channel,
                is_earlier,
                source,
            } => {
                let hint = source.hint();
                let hash = hash.short();
                Some(if *is_earlier {
                    format!(
                        "{hint}; or `bulla rollback {channel} --to {hash} --despite-missing -m TEXT`: \
                         servers that have it on their disk go back to it, and others fail"
                    )
                } else {
                    hint
                })
            }
            Self::WavesBack { .. } => Some(
                "leave out --waves: servers on which it was live go at once, and any other goes as it \
                 was promoted"
                    .to_owned(),
            ),
            Self::OtherRollout { channel, .. } => Some(format!(
                "`bulla wave next {channel} -m TEXT` and `bulla wave all {channel} -m TEXT` let waves go; \
                 on a server, `bulla-installer install PROJECT --now` does not wait for a wave or \
                 window"
            )),
            Self::Meanwhile(error) => error.hint(),
            Self::Pending(error) => error.hint(),
            Self::Via { hash, via, .. } => Some(format!(
                "`bulla promote {} {via} -m TEXT` first, and this once it is there",
                hash.short()
            )),
            Self::AgainTakesSeveral { channel, .. } => Some(format!(
                "`bulla pause {channel} -m TEXT`, and once others have approved it `bulla resume {channel} \
                 -m TEXT`"
            )),
            Self::LeftPaused { channel, hash, .. } => Some(format!(
                "no server takes it meanwhile; `bulla promote {} {channel} -m TEXT` goes on",
                hash.short()
            )),
            Self::NotIncluded => Some("look with `bulla history` before trying again".to_owned()),
        }
    }
}
