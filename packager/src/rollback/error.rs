//! Why a channel cannot go back.

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::report::PassedOver;
use bulla_schemas::{ChannelName, Digest, ProjectName};

use crate::resolve::ResolveError;

/// Why a channel cannot go back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// No head before the present one is left.
    #[error("`{channel}` of {project} has no head to go back to: {}", nothing_before(*.has_others))]
    NothingBefore {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// Whether it pointed to other releases, which were rolled back or revoked.
        has_others: bool,
    },
    /// The registry has none of them.
    #[error(
        "the registry does not have the release before the present one of `{channel}` of {project} any \
         more, nor an earlier one: {}",
        in_a_line(passed_over)
    )]
    NoneThere {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// What it does not have, the latest first.
        passed_over: Vec<PassedOver>,
    },
    /// The release was never the head.
    #[error("`{channel}` of {project} never pointed to {hash}")]
    NeverHead {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The release.
        hash: Digest,
    },
    /// The name leads nowhere.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

impl Outcome for RollbackError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NothingBefore { .. } | Self::NoneThere { .. } | Self::NeverHead { .. } => {
                FailureKind::Refused
            }
            Self::Resolve(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NothingBefore {
                has_others: true,
                channel,
                ..
            } => Some(format!(
                "`bulla rollback {channel} --list` shows them; choose one with --to HASH"
            )),
            Self::NothingBefore { .. } => Some("promote another release".to_owned()),
            Self::NoneThere { channel, .. } => Some(format!(
                "publish one of their revisions again, or import its file; or `bulla rollback {channel} \
                 --despite-missing -m TEXT`: servers that have it on their disk go back to it, and \
                 others fail"
            )),
            Self::NeverHead { hash, channel, .. } => Some(format!(
                "`bulla promote {} {channel} -m TEXT` would point it there for the first time",
                hash.short()
            )),
            Self::Resolve(error) => error.hint(),
        }
    }
}

const fn nothing_before(has_others: bool) -> &'static str {
    if has_others {
        "every earlier one was rolled back or revoked"
    } else {
        "it pointed to nothing before"
    }
}

fn in_a_line(passed_over: &[PassedOver]) -> String {
    let said = passed_over
        .iter()
        .map(|one| format!("{}: {}", one.hash.short(), one.reason));
    said.collect::<Vec<_>>().join("; ")
}
