//! Why a release was not installed. Whatever it is, the live release is as it was.

use bulla_schemas::outcome::{FailureKind, Outcome};

use bulla_schemas::report::server::Stale;
use bulla_schemas::{ChannelName, Digest, ProjectName};

use crate::drift::DriftError;
use crate::fetch::FetchError;
use crate::live::{HookError, LiveError};
use crate::operation::resolve::ResolveError;
use crate::operation::write::WriteError;
use crate::platform::files::FileError;
use crate::state::{Quarantined, StateError};
use crate::tree::compare::in_words;
use crate::tree::{Difference, PersistError, TreeError};

/// Why an install did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The log does not say what to install, or forbids it.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The log or the bundle did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A tree cannot be removed.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The tree was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It cannot be told what was changed by hand.
    #[error(transparent)]
    Drift(#[from] DriftError),
    /// What is live cannot be read or switched.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The server follows another channel.
    #[error("this server follows the channel `{followed}` of `{project}`, not `{asked}`")]
    OtherChannel {
        /// The project.
        project: ProjectName,
        /// The channel of the last activation.
        followed: ChannelName,
        /// The channel that was asked for.
        asked: ChannelName,
    },
    /// The host file names another channel.
    #[error(
        "the host file says that this server follows the channel `{said}` of `{project}`, not `{asked}`"
    )]
    OtherChannelSaid {
        /// The project.
        project: ProjectName,
        /// The channel of the host file.
        said: ChannelName,
        /// The channel that was asked for.
        asked: ChannelName,
    },
    /// The live tree was edited, and must not be left like that.
    #[error(
        "the live tree of `{project}` was edited, and the host file says `drift = \"block\"`: {}",
        in_words(differences)
    )]
    LiveEdited {
        /// The project.
        project: ProjectName,
        /// What was edited.
        differences: Vec<Difference>,
    },
    /// Witnesses have not vouched for the log for longer than the channel takes.
    #[error("nothing new is installed from `{channel}` of `{project}`: {stale}")]
    Stale {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// How old the log is.
        stale: Stale,
    },
    /// The release failed on this server.
    #[error("{} failed on this server at {}: {}", failed.hash.short(), failed.failed_at, first_line(&failed.reason))]
    Quarantined {
        /// The project.
        project: ProjectName,
        /// The release, and why it failed.
        failed: Box<Quarantined>,
    },
    /// The server was to go, instead of to its head, to what people took the live release back to.
    #[error("{} is not live meanwhile", to.short())]
    WayBack {
        /// The release that it was to go to.
        to: Digest,
        /// Why it did not.
        source: Box<Self>,
    },
}

impl InstallError {
    /// Returns the release that it is about, where that is another one than was asked for.
    pub(crate) fn of_other(&self) -> Option<Digest> {
        match self {
            Self::WayBack { to, .. } => Some(*to),
            _ => None,
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl From<HookError> for InstallError {
    fn from(error: HookError) -> Self {
        Self::Live(error.into())
    }
}

impl From<PersistError> for InstallError {
    fn from(error: PersistError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<StateError> for InstallError {
    fn from(error: StateError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<FileError> for InstallError {
    fn from(error: FileError) -> Self {
        Self::Tree(error.into())
    }
}

impl Outcome for InstallError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Resolve(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::Write(error) => error.kind(),
            Self::Drift(error) => error.kind(),
            Self::Live(error) => error.kind(),
            Self::OtherChannel { .. } | Self::OtherChannelSaid { .. } => FailureKind::Usage,
            Self::LiveEdited { .. } | Self::Quarantined { .. } | Self::Stale { .. } => {
                FailureKind::Refused
            }
            Self::WayBack { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Resolve(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Tree(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Drift(error) => error.hint(),
            Self::Live(error) => error.hint(),
            Self::OtherChannel { asked, .. } => Some(format!(
                "`--switch-channel` installs from `{asked}`, and the server follows that from then on"
            )),
            Self::OtherChannelSaid { project, asked, .. } => Some(format!(
                "`bulla-installer follow {project} --channel {asked}` changes the host file"
            )),
            Self::LiveEdited { .. } => Some(
                "carry the edits into the project; `--over-edits` installs anyway, and keeps \
                 the edited tree"
                    .to_owned(),
            ),
            Self::Stale { project, stale, .. } => Some(if stale.quorum == 0 {
                "`bulla policy witness add` names a witness, or `bulla channel change CHANNEL --any-age` asks for no age"
                    .to_owned()
            } else {
                format!(
                    "the registry stands still, or its witnesses do: ask who runs them, and look at this \
                     server's clock; `bulla-installer install {project} --allow-stale` goes on all the same, \
                     and the history says so"
                )
            }),
            Self::Quarantined { project, failed } => Some(format!(
                "`bulla-installer history {project} --output {}` shows what was written; promote \
                 another release, or this one again with `bulla promote {hash} {} --again -m REASON`; \
                 `bulla-installer retry {project} {hash}` tries it again here alone",
                failed.number,
                failed.channel,
                hash = failed.hash.short()
            )),
            Self::WayBack { source, .. } => source.hint(),
        }
    }

    fn output(&self) -> Option<&str> {
        match self {
            Self::Live(error) => error.output(),
            Self::WayBack { source, .. } => source.output(),
            _ => None,
        }
    }
}
