//! Why a name leads to no release, or to more than one.

use bulla_schemas::line::few;
use bulla_schemas::outcome::Outcome;
use bulla_schemas::{ChannelName, Digest, ProjectName};

/// Most names that a hint lists.
const LISTED: usize = 10;

/// Why a name leads to no release, or to more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The log has no such release.
    #[error("the log has no release {name} {}", of(.project.as_ref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where it was looked for; everywhere if absent.
        project: Option<ProjectName>,
        /// The other projects that have such a release.
        elsewhere: Vec<ProjectName>,
        /// The channels of the project that point to a release.
        channels: Vec<ChannelName>,
    },
    /// More than one release is named so.
    #[error("{name} is ambiguous: {}", list(.candidates))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it could mean.
        candidates: Vec<(ProjectName, Digest)>,
    },
    /// Nothing was ever promoted to the channel.
    #[error("`{channel}` of {project} points to nothing yet")]
    EmptyChannel {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The project's channels that point to something.
        others: Vec<ChannelName>,
    },
    /// Neither the policy nor a promotion names the channel.
    #[error("{} `{channel}`", has_no_channel(.project.as_ref()))]
    UnknownChannel {
        /// The project; all of them if absent.
        project: Option<ProjectName>,
        /// The channel.
        channel: ChannelName,
        /// The channels that there are, as the policy writes them.
        known: Vec<String>,
    },
    /// The log says nothing about the project.
    #[error("the log knows no project {project}")]
    UnknownProject {
        /// The project.
        project: ProjectName,
        /// The projects that it knows.
        known: Vec<ProjectName>,
    },
}

impl Outcome for ResolveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown {
                elsewhere,
                channels,
                name,
                ..
            } => Some(match elsewhere.as_slice() {
                [project, ..] => format!("it is a release of {project}: give --project {project}"),
                [] if name.bytes().all(|byte| byte.is_ascii_hexdigit()) && name.len() < 8 => {
                    "if it is a hash, give 8 or more of its digits".to_owned()
                }
                [] if channels.is_empty() => {
                    "`bulla publish` makes a release; its last line is the hash".to_owned()
                }
                [] => format!(
                    "`bulla releases` lists what there is; channels in use: {}",
                    join(channels)
                ),
            }),
            Self::Ambiguous { .. } => Some("give more digits, or --project".to_owned()),
            Self::EmptyChannel {
                others, channel, ..
            } if others.is_empty() => Some(format!(
                "`bulla promote HASH {channel} -m TEXT` points it to a release"
            )),
            Self::EmptyChannel { others, .. } => Some(format!("channels in use: {}", join(others))),
            Self::UnknownChannel { known, .. } if known.is_empty() => {
                Some("the policy names the channels".to_owned())
            }
            Self::UnknownChannel { known, .. } => {
                let known = few(known, LISTED, ", ", ", and");
                Some(format!("channels: {known}"))
            }
            Self::UnknownProject { known, .. } if known.is_empty() => {
                Some("`bulla publish` makes its first release".to_owned())
            }
            Self::UnknownProject { known, .. } => {
                let known = few(known, LISTED, ", ", ", and");
                Some(format!("name one that it knows with --project: {known}"))
            }
        }
    }
}

fn join(channels: &[ChannelName]) -> String {
    let channels: Vec<_> = channels.iter().map(ChannelName::as_str).collect();
    channels.join(", ")
}

fn has_no_channel(project: Option<&ProjectName>) -> String {
    project.map_or_else(
        || "no project has a channel".to_owned(),
        |project| format!("{project} has no channel"),
    )
}

fn of(project: Option<&ProjectName>) -> String {
    project.map_or_else(
        || "of any project".to_owned(),
        |project| format!("of {project}"),
    )
}

fn list(candidates: &[(ProjectName, Digest)]) -> String {
    let candidates: Vec<_> = candidates
        .iter()
        .map(|(project, hash)| format!("{hash} of {project}"))
        .collect();
    candidates.join(", ")
}
