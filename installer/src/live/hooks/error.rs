//! Why a release's hooks cannot run, or why one that must succeed did not.

use std::path::PathBuf;

use bulla_schemas::install::EnvironmentName;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::config::EnvironmentError;
use crate::live::broken::Broken;
use crate::live::health::CheckError;
use crate::site::Command;

/// Why what a release wants cannot be run. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The host file says no.
    #[error("the release wants hooks to be run, and the host file forbids that")]
    Forbidden,
    /// Hooks that would be root's.
    #[error("the release wants hooks to be run, and the host file names no user for them")]
    NoUser,
    /// A user who is not there.
    #[error("hooks are to run as `{name}`, and there is no such user")]
    UnknownUser {
        /// What the host file says.
        name: String,
    },
    /// Only root becomes another user.
    #[error("hooks are to run as `{name}`, and `{caller}` cannot become another user")]
    OtherUser {
        /// What the host file says.
        name: String,
        /// Who runs the installer.
        caller: String,
    },
    /// The environment file cannot be used.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Variables that the release needs.
    #[error("the release needs variables that are not set: {}", list(names))]
    MissingEnvironment {
        /// All of them.
        names: Vec<EnvironmentName>,
        /// Where they are looked for.
        file: Option<PathBuf>,
    },
    /// A program that is not there, or not the release's.
    #[error("the program of the hook `{hook}`, `{program}`, cannot be run: {why}")]
    Program {
        /// The hook.
        hook: &'static str,
        /// The program.
        program: String,
        /// Why not.
        why: String,
    },
    /// A check that cannot be made.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A hook that went too far.
    #[error("nothing was changed, because the hook `prepare` removed the release's tree")]
    TreeRemoved,
    /// The server could not be taken out of its load balancer.
    #[error("nothing was changed, because {failure}")]
    Drain {
        /// Why.
        failure: Box<Broken>,
        /// What shows all that was written.
        output: Command,
    },
    /// The hook before the switch failed.
    #[error("nothing was changed, because {failure}")]
    Prepare {
        /// Why.
        failure: Box<Broken>,
        /// What shows all that was written.
        output: Command,
    },
}

impl Outcome for HookError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Forbidden | Self::NoUser | Self::MissingEnvironment { .. } => {
                FailureKind::Refused
            }
            Self::UnknownUser { .. } | Self::OtherUser { .. } => FailureKind::Usage,
            Self::Environment(error) => error.kind(),
            Self::Program { .. }
            | Self::Check(_)
            | Self::TreeRemoved
            | Self::Drain { .. }
            | Self::Prepare { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Forbidden => {
                "`hooks = \"allow\"` in the project's section of the host file allows them"
            }
            Self::NoUser => {
                "name one with `user` in the project's section of the host file; `user = \"root\"` \
                 gives the release's hooks all rights"
            }
            Self::Drain { output, .. } | Self::Prepare { output, .. } => {
                return Some(format!("{output} shows what was written"));
            }
            Self::OtherUser { .. } => "run bulla-installer as root, or as that user",
            Self::Environment(error) => return error.hint(),
            Self::MissingEnvironment {
                file: Some(file), ..
            } => {
                return Some(format!("set them in `{}`", file.display()));
            }
            Self::MissingEnvironment { file: None, .. } => {
                "set them in a file that `environment-file` in the project's section of the host \
                 file names"
            }
            Self::UnknownUser { .. }
            | Self::Program { .. }
            | Self::Check(_)
            | Self::TreeRemoved => return None,
        };
        Some(hint.to_owned())
    }

    fn output(&self) -> Option<&str> {
        match self {
            Self::Drain { failure, .. } | Self::Prepare { failure, .. } => {
                failure.output.as_deref()
            }
            _ => None,
        }
    }
}

fn list(names: &[EnvironmentName]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
