//! Why a log or a bundle cannot be fetched.

use std::io;
use std::path::PathBuf;

use bulla_bundle::{BundleFileError, VerifyError};
use bulla_registry_client::{ClientError, FollowError};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, ProjectName};

use crate::platform::files::FileError;
use crate::state::StateError;

/// Why what is wanted did not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The installer's own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The asynchronous part cannot start.
    #[error("cannot start the network's thread")]
    Runtime(#[source] io::Error),
    /// A connection's task ended by itself.
    #[error("a connection ended unexpectedly")]
    ThreadDied,
    /// No log is known.
    #[error("this server is not enrolled: `{}` holds no log", state.display())]
    NotEnrolled {
        /// The state directory.
        state: PathBuf,
    },
    /// The host file and the state are about different logs.
    #[error(
        "the host file is about the log `{said}`, and the state in `{}` about the log `{followed}`",
        state.display()
    )]
    OtherLog {
        /// The log of the host file's anchor.
        said: String,
        /// The log that is followed.
        followed: String,
        /// The state directory.
        state: PathBuf,
    },
    /// What was remembered of the log is lost, and nothing brings it back.
    #[error(
        "what was remembered of the log in `{}` is lost or damaged, and the bundle file contains no copy of the log",
        directory.display()
    )]
    LogLost {
        /// Where it was remembered.
        directory: PathBuf,
    },
    /// The registry, or the way there.
    #[error(transparent)]
    Registry(Box<ClientError>),
    /// The log, or what remembers it.
    #[error(transparent)]
    Log(Box<FollowError>),
    /// The bundle is not what it says.
    #[error(transparent)]
    Bundle(Box<VerifyError>),
    /// The bundle file cannot be used.
    #[error(transparent)]
    BundleFile(Box<BundleFileError>),
    /// The bundle file's payload cannot be read.
    #[error("cannot read the payload in the bundle file")]
    ReadFile(#[source] io::Error),
    /// A bundle file with another release.
    #[error("expected the release {expected} in the bundle file, found {found}")]
    OtherBundle {
        /// What was asked for.
        expected: Digest,
        /// What the file holds.
        found: Digest,
    },
    /// The bundle is larger or smaller than its release statement says.
    #[error(
        "the release statement says that the bundle has {expected} bytes, its manifest names {found}"
    )]
    BundleSize {
        /// What the statement says.
        expected: u64,
        /// What the manifest adds up to.
        found: u64,
    },
    /// A part of the bundle that is too large.
    #[error("the {what} may have at most {limit} bytes, found {found}")]
    PartSize {
        /// Which part.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// Its size.
        found: u64,
    },
    /// A bundle of another project.
    #[error("expected a bundle of `{expected}`, found one of `{found}`")]
    OtherProject {
        /// The project that is installed.
        expected: ProjectName,
        /// The project that the bundle names.
        found: ProjectName,
    },
}

impl FetchError {
    /// Returns the status with which a registry said no, where one did.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Registry(error) => error.status(),
            _ => None,
        }
    }

    /// Tells whether a registry did not answer: the next request would wait as long.
    pub(crate) fn is_away(&self) -> bool {
        let error = self.of_client();
        error.is_some_and(|error| error.is_temporary() || error.wants_patience())
    }

    /// Tells whether a registry that was waited for shortly may serve when it is given more time.
    pub(crate) fn wants_patience(&self) -> bool {
        self.of_client().is_some_and(ClientError::wants_patience)
    }

    fn of_client(&self) -> Option<&ClientError> {
        match self {
            Self::Registry(error) => Some(error),
            Self::Log(error) => match &**error {
                FollowError::Client(error) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// Tells whether it is about what a registry answered, or did not: another one may do better.
    pub(crate) fn is_of_registry(&self) -> bool {
        match self {
            Self::Registry(_)
            | Self::ThreadDied
            | Self::Bundle(_)
            | Self::BundleSize { .. }
            | Self::PartSize { .. }
            | Self::OtherProject { .. } => true,
            Self::Log(error) => {
                matches!(
                    **error,
                    FollowError::Client(_) | FollowError::Refused { .. }
                )
            }
            _ => false,
        }
    }
}

impl From<ClientError> for FetchError {
    fn from(error: ClientError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl From<FollowError> for FetchError {
    fn from(error: FollowError) -> Self {
        Self::Log(Box::new(error))
    }
}

impl From<BundleFileError> for FetchError {
    fn from(error: BundleFileError) -> Self {
        Self::BundleFile(Box::new(error))
    }
}

impl From<VerifyError> for FetchError {
    fn from(error: VerifyError) -> Self {
        Self::Bundle(Box::new(error))
    }
}

impl Outcome for FetchError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::State(error) => error.kind(),
            Self::Registry(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::BundleFile(error) => error.kind(),
            Self::Bundle(_)
            | Self::OtherBundle { .. }
            | Self::BundleSize { .. }
            | Self::PartSize { .. }
            | Self::OtherProject { .. } => FailureKind::Refused,
            Self::NotEnrolled { .. } | Self::OtherLog { .. } => FailureKind::Usage,
            Self::Runtime(_) | Self::ThreadDied | Self::ReadFile(_) | Self::LogLost { .. } => {
                FailureKind::Failed
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::State(error) => return error.hint(),
            Self::Registry(error) => return error.hint(),
            Self::Log(error) => return log_hint(error),
            Self::BundleFile(error) => return error.hint(),
            Self::OtherBundle { .. } => "omit HASH, or use the bundle file that holds the release",
            Self::LogLost { .. } => {
                "install from the registry, or from a file of `bulla export`, which holds the log"
            }
            Self::NotEnrolled { .. } => {
                "`bulla-installer enroll URL ANCHOR`; `bulla anchor` prints the anchor"
            }
            Self::OtherLog { .. } => {
                "a state follows one log: correct `anchor` in the host file, or name another state \
                 directory with `state`"
            }
            Self::Bundle(_)
            | Self::BundleSize { .. }
            | Self::PartSize { .. }
            | Self::OtherProject { .. } => {
                "the registry or the builder is at fault; nothing was installed"
            }
            Self::Runtime(_) | Self::ThreadDied | Self::ReadFile(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Says which command mends a file of the log's directory.
fn log_hint(error: &FollowError) -> Option<String> {
    let path = match error {
        FollowError::Damaged { path, .. } => path,
        FollowError::File(error) => error.path(),
        _ => return error.hint(),
    };
    let hint = match path.file_name()?.to_str()? {
        "registry.json" => {
            "`bulla-installer enroll URL ANCHOR` mends it; `bulla anchor` prints the anchor"
        }
        "state" => "the next `bulla-installer install` reads the log again",
        _ => return error.hint(),
    };
    Some(hint.to_owned())
}
