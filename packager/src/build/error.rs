//! Why a build gives no release.

use std::io;
use std::path::{Path, PathBuf};

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::filter::PatternError;

/// Why a build gives no release.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Builds need Linux.
    #[error("`[build]` runs on Linux only")]
    NotLinux,
    /// No program can make a sandbox here.
    #[error("this machine cannot make a sandbox for `[build]`:\n{}", listing(.reasons))]
    NoSandbox {
        /// What was tried, and why it does not work.
        reasons: Vec<(&'static str, String)>,
    },
    /// A path that leaves the directory of the build.
    #[error("`{path}` cannot be written to a directory for the build")]
    UnsafePath {
        /// The path, escaped.
        path: String,
    },
    /// Another repository, which is not there.
    #[error("`{path}` is content of another repository, which the build would lack", path = escape(&.path.to_string_lossy()))]
    NotThere {
        /// The path.
        path: PathBuf,
    },
    /// The revision cannot be written to a directory.
    #[error("cannot write `{path}` for the build", path = escape(&.path.to_string_lossy()))]
    Export {
        /// The path in the revision.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The command ended with another status than 0.
    #[error(
        "the build command `{command}` ended with {status}{}",
        words(.tail, .log)
    )]
    Exited {
        /// The command.
        command: String,
        /// The status or the signal.
        status: String,
        /// The end of its output.
        tail: String,
        /// The file with its output.
        log: PathBuf,
    },
    /// The command took too long.
    #[error(
        "the build command `{command}` did not end within {timeout}{}",
        words(.tail, .log)
    )]
    TimedOut {
        /// The command.
        command: String,
        /// How long it may take.
        timeout: String,
        /// The end of its output.
        tail: String,
        /// The file with its output.
        log: PathBuf,
    },
    /// The command filled the disk.
    #[error(
        "the build command `{command}` was ended, because it left fewer than {reserve} bytes free in `{directory}`; all that it said is in `{log}`",
        directory = .directory.display(),
        log = .log.display()
    )]
    OutOfSpace {
        /// The command.
        command: String,
        /// The directory that the build wrote to.
        directory: PathBuf,
        /// How many bytes were to stay free.
        reserve: u64,
        /// The file with its output.
        log: PathBuf,
    },
    /// Nothing to pack.
    #[error(
        "the build made nothing that `outputs` names: none of {found} files matches {}",
        quoted(.patterns)
    )]
    NoOutputs {
        /// The patterns.
        patterns: Vec<String>,
        /// How many files there are.
        found: u64,
    },
    /// More than a release may have.
    #[error("`outputs` matches more than {limit} files")]
    TooMany {
        /// The most that is allowed.
        limit: u64,
    },
    /// Neither a file, nor a directory, nor a link.
    #[error("the build made `{}`, which is {special} and cannot be released", escape(.path))]
    Special {
        /// The path.
        path: String,
        /// What it is.
        special: &'static str,
    },
    /// A pattern of `outputs` that means nothing.
    #[error("`outputs` cannot be read")]
    Pattern(#[source] PatternError),
    /// A file of the system.
    #[error("{action} `{path}`", path = .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Outcome for BuildError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoSandbox { .. } => FailureKind::Refused,
            Self::Pattern(_) => FailureKind::Usage,
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSandbox { .. } => {
                "install bubblewrap 0.8 or later (on Debian `apt install bubblewrap`), and let user namespaces \
                 be made: `sysctl user.max_user_namespaces kernel.unprivileged_userns_clone \
                 kernel.apparmor_restrict_unprivileged_userns` shows what forbids them; a container \
                 needs `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`. \
                 `--no-sandbox` builds without one, and the release statement says so"
            }
            Self::NotLinux => "publish from a Linux machine, such as CI",
            Self::NotThere { .. } => "fetch it first, or leave it out of the repository",
            Self::OutOfSpace { .. } => "make room, or let TMPDIR name a directory on a larger disk",
            Self::TimedOut { .. } => "`timeout` in `[build]` allows more",
            Self::NoOutputs { .. } => {
                "`outputs` names files below the top of the checkout, as a `.gitignore` would"
            }
            Self::TooMany { .. } => "name less in `outputs`",
            Self::Special { .. } => {
                "remove it at the end of the build, or leave it out of `outputs`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl BuildError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn export(path: &Path, source: io::Error) -> Self {
        Self::Export {
            path: path.to_owned(),
            source,
        }
    }
}

/// Ends a sentence with what the build said last.
fn words(tail: &str, log: &Path) -> String {
    match tail {
        "" => " and said nothing".to_owned(),
        tail => format!(
            "; its last lines:\n{tail}\nall that it said is in `{}`",
            log.display()
        ),
    }
}

fn listing(reasons: &[(&'static str, String)]) -> String {
    let lines = reasons
        .iter()
        .map(|(name, reason)| format!("`{name}` {reason}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn quoted(patterns: &[String]) -> String {
    let quoted = patterns.iter().map(|pattern| format!("`{pattern}`"));
    quoted.collect::<Vec<_>>().join(", ")
}
