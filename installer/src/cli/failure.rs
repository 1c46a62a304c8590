//! Why a command failed: every operation's error, as exit status and hint.

use std::process::ExitCode;

use bulla_schemas::outcome::{FailureKind, report};

use super::output;
use crate::drift::DriftError;
use crate::fetch::FetchError;
use crate::live::LiveError;
use crate::operation::{EnrollError, InstallError, ObserveError, RollbackError};
use crate::platform::FileError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Rollback(#[from] RollbackError),
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Drift(#[from] DriftError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// Tells a person, and returns the exit status.
    pub(super) fn tell(&self) -> ExitCode {
        output::report(&report(self, self.hint().as_deref()));
        if let Self::Rollback(error) = self {
            output::candidates(error.candidates());
        }
        ExitCode::from(self.kind().exit_status())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Enroll(error) => error.kind(),
            Self::Install(error) => error.kind(),
            Self::Rollback(error) => error.kind(),
            Self::Observe(error) => error.kind(),
            Self::Drift(error) => error.kind(),
            Self::Fetch(error) => error.kind(),
            Self::Live(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Json(_) => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Enroll(error) => error.hint(),
            Self::Install(error) => error.hint(),
            Self::Rollback(error) => error.hint(),
            Self::Observe(error) => error.hint(),
            Self::Drift(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Live(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Json(_) => None,
        }
    }
}
