//! Why a host file cannot be used.

use std::path::PathBuf;

use bulla_schemas::outcome::{FailureKind, Outcome};

use super::problem::Problem;
use crate::platform::files::FileError;

/// Why a host file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The operating system refused, or other users could change the file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that was named is not there.
    #[error("the host file `{}` does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Something else than a list of settings.
    #[error("expected at most {limit} bytes in the host file `{}`, found more", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// It can be read, but not changed.
    #[error("the host file `{}` cannot be changed", path.display())]
    Unchangeable {
        /// The file.
        path: PathBuf,
        /// What cannot be understood.
        #[source]
        source: Box<toml_edit::TomlError>,
    },
    /// What it says is wrong.
    #[error("the host file `{}` is wrong in {}", path.display(), list(problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, by the place in the file; never empty.
        problems: Vec<Problem>,
    },
}

impl Outcome for ConfigError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Missing { .. }
            | Self::TooLarge { .. }
            | Self::Unchangeable { .. }
            | Self::Wrong { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Missing { .. } => {
                Some("`bulla-installer enroll` and `bulla-installer follow` create it".to_owned())
            }
            Self::TooLarge { .. } | Self::Unchangeable { .. } => None,
            Self::Wrong { path, .. } => Some(format!(
                "`bulla-installer config check {}` names all that is wrong",
                path.display()
            )),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}
