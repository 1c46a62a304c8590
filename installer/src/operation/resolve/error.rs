//! Why the log names no release to install.

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{ChannelName, Digest, DigestPrefix, ProjectName};

/// Why the log's word is no release to install.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// A channel that points to nothing.
    #[error("the channel `{channel}` of `{project}` points to no release")]
    NoHead {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The channels that point to something.
        known: Vec<ChannelName>,
    },
    /// People stopped the channel.
    #[error("the channel `{channel}` is paused by {people}: {reason}")]
    Paused {
        /// The channel.
        channel: ChannelName,
        /// Who paused it.
        people: String,
        /// Why.
        reason: String,
    },
    /// A hash that the channel never pointed to.
    #[error("`{asked}` was never the head of `{channel}`, which points to {head}")]
    NeverHead {
        /// What was asked for.
        asked: DigestPrefix,
        /// The channel.
        channel: ChannelName,
        /// Its head.
        head: Digest,
    },
    /// A hash that the channel pointed to earlier.
    #[error("{hash} is an earlier head of `{channel}`, which now points to {head}")]
    EarlierHead {
        /// What was asked for.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
        /// Its head.
        head: Digest,
    },
    /// A shortened hash that several releases have.
    #[error("`{asked}` stands for more than one release: {first}, {second}")]
    AmbiguousHash {
        /// What was asked for.
        asked: DigestPrefix,
        /// One of them.
        first: Digest,
        /// Another.
        second: Digest,
    },
    /// A release that must not be activated.
    #[error("{hash} is revoked: {reason}")]
    Revoked {
        /// The release.
        hash: Digest,
        /// Why, in the words of who revoked it.
        reason: String,
    },
    /// The log has less than what this server has already installed.
    #[error(
        "promotion {installed} of `{channel}` was installed here, the log only knows {offered}"
    )]
    SeqWentBack {
        /// The channel.
        channel: ChannelName,
        /// The promotion that was installed.
        installed: u64,
        /// The promotion that the log offers.
        offered: u64,
    },
}

impl Outcome for ResolveError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoHead { .. } | Self::AmbiguousHash { .. } => FailureKind::Failed,
            Self::Paused { .. }
            | Self::NeverHead { .. }
            | Self::EarlierHead { .. }
            | Self::Revoked { .. }
            | Self::SeqWentBack { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoHead { known, .. } if known.is_empty() => {
                "nothing of this project was ever promoted; `bulla promote` does that"
            }
            Self::NoHead { known, .. } => {
                let known: Vec<_> = known.iter().map(ChannelName::as_str).collect();
                return Some(format!("its channels are: {}", known.join(", ")));
            }
            Self::EarlierHead { .. } => "--pin-old installs it anyway, and the history says so",
            Self::NeverHead { .. } => "promote it first, with `bulla promote`",
            Self::SeqWentBack { .. } => {
                "the state directory was restored from an old copy, or the log is not the one that was installed from"
            }
            Self::Paused { .. } | Self::AmbiguousHash { .. } | Self::Revoked { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
