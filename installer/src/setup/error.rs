//! Why a machine cannot be set up.

use std::io;
use std::path::PathBuf;

use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::platform::files::FileError;

/// Why a machine cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A file of the system.
    #[error(transparent)]
    File(#[from] FileError),
    /// A machine without systemd.
    #[error("this machine has no systemd: `{program}` was not found")]
    NoSystemd {
        /// What was looked for.
        program: &'static str,
    },
    /// A path that means something else in a unit.
    #[error(
        "units cannot start `{program}`; expected a path of letters, digits, `/`, `.`, `_`, `+` and `-`",
        program = .program.display()
    )]
    ProgramName {
        /// The program.
        program: PathBuf,
    },
    /// A link that leads out of the directory for a package.
    #[error("`{}` would be written into `{}`, since a link leads there", path.display(), real.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// Where it would be.
        real: PathBuf,
    },
    /// A program that could not be started.
    #[error("cannot run `{command}`")]
    NotRun {
        /// The program and its arguments.
        command: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program that failed.
    #[error("`{command}` {how}\n{output}")]
    Ended {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        how: String,
        /// What it wrote.
        output: String,
    },
}

impl Outcome for SetupError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::NoSystemd { .. } | Self::NotRun { .. } | Self::Ended { .. } => {
                FailureKind::Failed
            }
            Self::ProgramName { .. } | Self::Outside { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::NoSystemd { .. } => Some(
                "let its own service manager run `bulla-installer agent`, or cron \
                 `bulla-installer agent --once`"
                    .to_owned(),
            ),
            Self::ProgramName { .. } => {
                Some("put the program into `/usr/local/bin` and set up from there".to_owned())
            }
            Self::Ended { .. } => Some("once that is mended, the same command goes on".to_owned()),
            Self::Outside { .. } => Some("links of a package lead to places below it".to_owned()),
            Self::NotRun { .. } => None,
        }
    }
}
