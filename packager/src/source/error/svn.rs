//! What can go wrong with a Subversion working copy, and what the error codes of `svn` mean.

use std::path::PathBuf;

use bulla_schemas::EntryPath;
use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_svn::WorkingCopyError;

use super::Listing;

/// Why `svn` failed, as its error codes tell. Its sentences are for people; only codes decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SvnFailure {
    /// The server cannot be reached, or the connection broke.
    Unreachable,
    /// The server wants to know who asks, says no, or is not known itself.
    Denied,
    /// A URL of a kind that `svn` does not know.
    UnknownScheme,
    /// No such revision.
    UnknownRevision,
    /// No such path in that revision.
    UnknownPath,
    /// A directory inside a working copy that Subversion does not know.
    Unversioned,
    /// A name that no disk holds.
    NameTooLong,
    /// An interrupted operation or a lock.
    NeedsCleanup,
    /// A working copy of an older Subversion.
    NeedsUpgrade,
    /// A name that the locale cannot write: `C.UTF-8` is not there.
    Locale,
    /// Anything else.
    Other,
}

impl SvnFailure {
    /// Reads the codes in `message`, the most telling first.
    pub(in crate::source) fn of(message: &str) -> Self {
        let has = |codes: &[&str]| codes.iter().any(|code| message.contains(code));
        // svn_error_codes.h of Subversion 1.14; E000nnn and E67nnnn are the system's own.
        if has(&["E000036"]) {
            Self::NameTooLong
        } else if has(&["E170001", "E215004", "E230001", "E175013", "E120171"]) {
            Self::Denied
        } else if has(&["E170000"]) {
            Self::UnknownScheme
        } else if has(&["E160006", "E205000", "E195012", "E195002"]) {
            Self::UnknownRevision
        } else if has(&["E155007", "155010"]) {
            Self::Unversioned
        } else if has(&["E160013", "E160005", "E200009"]) {
            Self::UnknownPath
        } else if has(&["E155004", "E155037", "E155009"]) {
            Self::NeedsCleanup
        } else if has(&["E155036"]) {
            Self::NeedsUpgrade
        } else if has(&["E000022"]) {
            Self::Locale
        } else if has(&[
            "E170013", "E175012", "E210002", "E120108", "E120106", "E000110",
        ]) {
            Self::Unreachable
        } else {
            Self::Other
        }
    }

    pub(super) fn kind(self) -> FailureKind {
        match self {
            Self::Unreachable => FailureKind::Temporary,
            Self::UnknownScheme | Self::UnknownRevision | Self::UnknownPath | Self::Unversioned => {
                FailureKind::Usage
            }
            Self::Denied
            | Self::NameTooLong
            | Self::NeedsCleanup
            | Self::NeedsUpgrade
            | Self::Locale
            | Self::Other => FailureKind::Failed,
        }
    }

    pub(super) fn hint(self) -> Option<&'static str> {
        match self {
            Self::Unreachable => {
                Some("check the URL; the same command works once the server answers again")
            }
            Self::UnknownScheme => Some(
                "an svn URL begins with `https://`, `http://`, `svn://`, `svn+ssh://` or `file://`; a git repository is read from a clone",
            ),
            Self::Denied => Some(
                "`svn info` with the same URL asks for what the server wants, and remembers it",
            ),
            Self::NameTooLong => {
                Some("a name may have 255 bytes; give it a shorter one with `svn move` and commit")
            }
            Self::NeedsCleanup => Some("run `svn cleanup`"),
            Self::NeedsUpgrade => Some("run `svn upgrade`"),
            Self::Locale => Some("the locale `C.UTF-8` is needed; install it"),
            Self::Unversioned => Some("`svn add` and commit it first"),
            Self::UnknownRevision | Self::UnknownPath | Self::Other => None,
        }
    }
}

/// Why a Subversion checkout cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SvnError {
    /// A working copy that cannot be read.
    #[error(transparent)]
    WorkingCopy(#[from] WorkingCopyError),
    /// A revision of which the server does not give everything.
    #[error("the server does not give all of `{url}` at r{revision}:\n{problems}", url = escape(.url))]
    NotWhole {
        /// The directory.
        url: String,
        /// The revision.
        revision: u64,
        /// What is wrong with which path.
        problems: Listing,
    },
    /// A URL with a password in it.
    #[error("expected a URL without a password, found one in `{url}`, where `svn` does not read it", url = escape(.url))]
    PasswordInUrl {
        /// The URL, without it.
        url: String,
    },
    /// An address that `svn` is not given.
    #[error("{what} is refused: `{url}`: {why}", url = escape(.url))]
    Address {
        /// Whose address it is.
        what: String,
        /// The address.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Externals that may be something else tomorrow.
    #[error("externals without a revision, whose content would not stay the same:\n{externals}")]
    Unpinned {
        /// The URLs and paths.
        externals: Listing,
    },
    /// A line of `svn:externals` that is not one.
    #[error("expected an external such as `^/lib@1234 lib`, found {definition:?} in `svn:externals` of `{directory}`", directory = escape(directory_name(.directory)))]
    ExternalDefinition {
        /// The directory with the property, or where the external would be.
        directory: String,
        /// What was found.
        definition: String,
    },
    /// An external whose place in the repository only today's names lead to.
    #[error("the external `{path}` is `{url}` at r{revision}, and nothing had that name in r{revision}", path = escape(.path), url = escape(.url))]
    ExternalUnknown {
        /// Where it would be.
        path: String,
        /// The URL, absolute.
        url: String,
        /// The revision.
        revision: u64,
    },
    /// An external where something else is.
    #[error("the external `{path}` is in the place of something else", path = escape(.path))]
    ExternalClash {
        /// Where.
        path: String,
    },
    /// An external of a directory above that put something into the packed one.
    #[error("the external `{path}` is defined in a directory above the packed one, so what is there belongs to no release", path = escape(.path))]
    ExternalFromAbove {
        /// Where.
        path: String,
    },
    /// Another repository than the one meant.
    #[error("expected the repository with the UUID {expected} at `{url}`, found {found}", url = escape(.url))]
    OtherRepository {
        /// Its address.
        url: String,
        /// The UUID that a release names.
        expected: String,
        /// The UUID that it has.
        found: String,
    },
    /// An external that contains itself.
    #[error("the external `{path}` contains itself, or externals are nested too deep: `{url}`", path = escape(.path), url = escape(.url))]
    ExternalLoop {
        /// Where.
        path: String,
        /// What it leads to.
        url: String,
    },
    /// More externals than anyone has.
    #[error("there are more than {most} externals")]
    TooManyExternals {
        /// How many there may be.
        most: usize,
    },
    /// A revision in the recipe that nothing needs.
    #[error("the recipe gives a revision for the external `{path}`, and there is no external without one", path = escape(.path.as_str()))]
    UnusedPin {
        /// Where the external should be.
        path: EntryPath,
    },
    /// An external with local changes.
    #[error("the external `{directory}` has changes that are in no revision:\n{changes}", directory = .directory.display())]
    ChangedExternal {
        /// Its working copy.
        directory: PathBuf,
        /// What changed.
        changes: Listing,
    },
}

fn directory_name(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

impl Outcome for SvnError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::WorkingCopy(error) => error.kind(),
            Self::UnusedPin { .. } | Self::PasswordInUrl { .. } => FailureKind::Usage,
            Self::NotWhole { .. }
            | Self::Address { .. }
            | Self::Unpinned { .. }
            | Self::ExternalUnknown { .. }
            | Self::ExternalDefinition { .. }
            | Self::ExternalClash { .. }
            | Self::ExternalFromAbove { .. }
            | Self::OtherRepository { .. }
            | Self::ExternalLoop { .. }
            | Self::TooManyExternals { .. }
            | Self::ChangedExternal { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unpinned { externals } => {
                let path = externals.0.first().map_or("", |(_, path)| path.as_str());
                let path = toml::Value::String(path.to_owned());
                return Some(format!(
                    "write `@REVISION` behind each URL in `svn:externals`, or into `bulla.toml`: `[source]` and `externals = {{ {path} = REVISION }}`; or leave them out with `exclude`"
                ));
            }
            Self::ExternalDefinition { .. } => "mend it with `svn propedit svn:externals`",
            Self::ExternalUnknown { revision, .. } => {
                return Some(format!(
                    "write `-r {revision} URL@PEG` in `svn:externals`, where PEG is a revision in which it has that name"
                ));
            }
            Self::Address { .. } => {
                "mend it with `svn propedit svn:externals` or `svn relocate`, or leave the external out with `exclude`"
            }
            Self::NotWhole { .. } => "ask the server's operator for the right to read it",
            Self::PasswordInUrl { .. } => {
                "`svn info` with the URL without it asks for the password, and remembers it"
            }
            Self::ExternalFromAbove { .. } => {
                "define it in the packed directory with `svn propedit svn:externals`, or leave it out with `exclude`"
            }
            Self::ExternalClash { .. } => {
                "put one of the two elsewhere, or leave the external out with `exclude`"
            }
            Self::ExternalLoop { .. } => {
                "take it out of `svn:externals`, or leave it out with `exclude`"
            }
            Self::TooManyExternals { .. } => "leave some out with `exclude`",
            Self::UnusedPin { .. } => "take it out of `[source]` `externals`",
            Self::ChangedExternal { .. } => {
                "`svn commit` or `svn revert` what is changed there, or leave the external out with `exclude`"
            }
            Self::WorkingCopy(error) => return error.hint(),
            Self::OtherRepository { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
