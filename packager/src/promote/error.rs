//! Why a channel was not moved.

use bulla_registry_client::{ClientError, FollowError, Missing};
use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::statement::Action;
use bulla_schemas::{ChannelName, Digest, Name, ProjectName};
use bulla_trust::Promotion;

use crate::contents::ContentsError;
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
    /// Another person was faster.
    #[error("{} {} meanwhile: {}", list(&.faster.people), deed(.faster, .project), .faster.reason)]
    Overtaken {
        /// The project.
        project: ProjectName,
        /// What that person did.
        faster: Box<Promotion>,
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
            Self::Overtaken { .. } | Self::NotIncluded => FailureKind::Temporary,
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
            Self::Overtaken { faster, .. } => {
                let look = match faster.action {
                    Action::Widen => format!("bulla wave {}", faster.channel),
                    _ => "bulla diff".to_owned(),
                };
                Some(format!(
                    "look with `{look}`, then run the same command again if it is still meant"
                ))
            }
            Self::LeftPaused { channel, hash, .. } => Some(format!(
                "no server takes it meanwhile; `bulla promote {} {channel} -m TEXT` goes on",
                hash.short()
            )),
            Self::NotIncluded => Some("look with `bulla history` before trying again".to_owned()),
        }
    }
}

fn deed(promotion: &Promotion, project: &ProjectName) -> String {
    let place = format!("`{}` of {project}", promotion.channel);
    match (promotion.action, promotion.up_to) {
        (Action::Widen, Some(up_to)) => format!("let the waves of {place} up to {up_to} go"),
        (Action::Pause, _) => format!("paused {place}"),
        _ => format!("moved {place} to {}", promotion.hash),
    }
}
