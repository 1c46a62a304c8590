//! Why no further wave goes.

use bulla_schemas::line::{few, list};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::report::FailedServer;
use bulla_schemas::statement::{Wave, Waves};
use bulla_schemas::{ChannelName, Digest, Name, ProjectName};
use bulla_trust::Rollout;

use crate::resolve::ResolveError;

/// Most servers that are named.
const NAMED: usize = 5;

/// Why no further wave goes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaveError {
    /// The channel, or its head, is not known.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The head has no waves.
    #[error("`{channel}` of {project} points to {hash}, which was not promoted in waves")]
    AtOnce {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// Its head.
        hash: Digest,
    },
    /// The head came by a rollback, which nothing widens.
    #[error(
        "`{channel}` of {project} was rolled back to {hash}, and no wave of that can be let go: {}",
        as_promoted(.promoted)
    )]
    RolledBack {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// Its head.
        hash: Digest,
        /// How the head was promoted.
        promoted: Rollout,
    },
    /// No channel has waves.
    #[error("no channel of {project} points to a release that was promoted in waves")]
    None {
        /// The project.
        project: ProjectName,
    },
    /// More than one has.
    #[error("expected a channel, because several of {project} have waves: {}", list(.channels))]
    Several {
        /// The project.
        project: ProjectName,
        /// The channels.
        channels: Vec<ChannelName>,
    },
    /// No wave is left.
    #[error("every wave of `{channel}` may go already")]
    AllGo {
        /// The channel.
        channel: ChannelName,
    },
    /// No server is left.
    #[error(
        "nothing of {hash} is left to let go on `{channel}`: no server is in a wave after {last}"
    )]
    NoLaterWave {
        /// The release.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
        /// The last wave in which a server is.
        last: Wave,
    },
    /// People stopped the channel.
    #[error("`{channel}`, which points to {hash}, is paused by {}: {reason}", list(.people))]
    Paused {
        /// The channel.
        channel: ChannelName,
        /// The release.
        hash: Digest,
        /// Who paused it.
        people: Vec<Name>,
        /// Why.
        reason: String,
    },
    /// The release failed on a server that may have it.
    #[error("{hash} failed on {}", servers(.failed))]
    Failed {
        /// The release.
        hash: Digest,
        /// The channel.
        channel: ChannelName,
        /// The servers, each with its wave.
        failed: Vec<(Wave, FailedServer)>,
    },
}

impl Outcome for WaveError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Resolve(error) => error.kind(),
            Self::Several { .. } => FailureKind::Usage,
            Self::None { .. } | Self::AtOnce { .. } => FailureKind::Failed,
            Self::AllGo { .. }
            | Self::NoLaterWave { .. }
            | Self::RolledBack { .. }
            | Self::Paused { .. }
            | Self::Failed { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Resolve(error) => error.hint(),
            Self::Several { channels, .. } => {
                let first = channels.first()?;
                Some(format!(
                    "name one, such as `bulla wave next {first} -m TEXT`"
                ))
            }
            Self::None { .. } => Some(
                "`bulla promote RELEASE CHANNEL -m TEXT --waves 10m` promotes in waves".to_owned(),
            ),
            Self::AtOnce { channel, .. } => Some(format!(
                "`bulla promote RELEASE {channel} -m TEXT --waves 10m` promotes in waves"
            )),
            Self::RolledBack {
                project, promoted, ..
            } if promoted.waves.is_none() => {
                Some(format!("`bulla where {project}` shows how far it has come"))
            }
            Self::RolledBack {
                project, channel, ..
            } => Some(format!(
                "`bulla where {project}` shows who waits; `bulla promote RELEASE {channel} -m TEXT` with \
                 another release reaches them, and `bulla-installer install {project} --now -m TEXT` \
                 on one of them takes this one"
            )),
            Self::Failed { channel, .. } => Some(format!(
                "`bulla rollback {channel} -m TEXT` takes it back; the same with --despite-failures \
                 lets more servers go"
            )),
            Self::NoLaterWave { channel, .. } => Some(format!(
                "`bulla wave {channel}` shows how the servers are; `bulla wave all {channel} -m TEXT` \
                 lets later waves go, too, in which servers may be that have not reported yet"
            )),
            Self::Paused { channel, .. } => {
                Some(format!("`bulla resume {channel} -m TEXT` lets it go on"))
            }
            Self::AllGo { channel } => {
                Some(format!("`bulla wave {channel}` shows how the servers are"))
            }
        }
    }
}

/// Says when servers go, on which it worked and on the others.
fn as_promoted(promoted: &Rollout) -> String {
    let Some(waves) = promoted.waves else {
        return "it was promoted without waves, so that no server waits for one".to_owned();
    };
    let open = match promoted.open {
        Wave::FIRST => "wave 1 may go".to_owned(),
        open => format!("waves up to {open} may go"),
    };
    let rest = match waves {
        Waves::Every(interval) => {
            format!("and each further wave {interval} later than the one before")
        }
        Waves::Manual => "and no further wave does".to_owned(),
    };
    format!(
        "servers on which it worked take it at once, and any other waits as it was promoted, {open}, \
         {rest}"
    )
}

fn servers(failed: &[(Wave, FailedServer)]) -> String {
    let failed = failed.iter();
    let failed =
        failed.map(|(wave, failed)| format!("{} of wave {wave}: {}", failed.host, failed.reason));
    few(failed, NAMED, "; ", "; and")
}
