//! `Failure`: any library's error with the exit status and the hint that it answers. The only
//! translation table from errors to what a person sees.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use bulla_schemas::outcome::{self, FailureKind};

use crate::doctor::Finding;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    error: anyhow::Error,
    kind: FailureKind,
    hint: Option<String>,
}

impl Failure {
    /// A failure that no library knows.
    pub(super) fn new(kind: FailureKind, message: impl Display) -> Self {
        Self {
            error: anyhow::Error::msg(message.to_string()),
            kind,
            hint: None,
        }
    }

    /// Something that was typed, or was not.
    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// An operation of the file system that failed; `doing` names it with its path.
    pub(super) fn io(doing: impl Display, source: std::io::Error) -> Self {
        Self {
            error: anyhow::Error::new(source).context(doing.to_string()),
            kind: FailureKind::Failed,
            hint: None,
        }
    }

    /// Says what to do next.
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says of which file it is.
    pub(super) fn of_file(mut self, path: &Path) -> Self {
        let sentence = format!("cannot use `{}`", path.display());
        self.error = self.error.context(sentence);
        self
    }

    /// Takes the failure as something that was found out.
    pub(super) fn finding(&self, step: &'static str) -> Finding {
        Finding::error(step, self.error.as_ref(), self.hint.clone())
    }

    /// Prints the failure and returns the exit status.
    pub(super) fn report(&self) -> ExitCode {
        let text = outcome::report(self.error.as_ref(), self.hint.as_deref());
        let _ = std::io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.kind.exit_status())
    }
}

/// Takes over what a library's error answers about itself.
macro_rules! failures {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self {
                    kind: error.kind(),
                    hint: error.hint(),
                    error: error.into(),
                }
            }
        })+
    };
}

failures!(
    bulla_bundle::BundleFileError,
    bulla_registry_client::ClientError,
    bulla_registry_client::FollowError,
    crate::build::BuildError,
    crate::check::CheckError,
    crate::config::ConfigError,
    crate::contents::ContentsError,
    crate::drop::DropError,
    crate::draft::DraftError,
    crate::export::ExportError,
    crate::identify::IdentifyError,
    crate::key::CiKeyError,
    crate::pack::PackError,
    crate::patch::PatchError,
    crate::promote::PromoteError,
    crate::publish::PublishError,
    crate::recipe::RecipeError,
    crate::reproduce::ReproduceError,
    crate::resolve::ResolveError,
    crate::rollback::RollbackError,
    crate::sign::SignError,
    crate::source::SourceError,
    crate::ssh::SshError,
);
