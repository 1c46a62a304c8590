//! `SvnFailure`: what the error codes of `svn` mean.

use bulla_schemas::outcome::FailureKind;

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
    /// A revision that means nothing there, such as `BASE` of a URL.
    WrongRevision,
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
    pub(in crate::source::svn) fn of(message: &str) -> Self {
        let has = |codes: &[&str]| codes.iter().any(|code| message.contains(code));
        // svn_error_codes.h of Subversion 1.14; E000nnn and E67nnnn are the system's own. A scheme is only
        // warned of, by a code that a missing path has too.
        if has(&["E000036"]) {
            Self::NameTooLong
        } else if has(&["E170001", "E215004", "E230001", "E175013", "E120171"]) {
            Self::Denied
        } else if has(&["E170000", "Unrecognized URL scheme"]) {
            Self::UnknownScheme
        } else if has(&["E205000", "E195002"]) {
            Self::WrongRevision
        } else if has(&["E160006", "E195012"]) {
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
            Self::UnknownScheme | Self::WrongRevision => FailureKind::Usage,
            Self::Denied
            | Self::UnknownRevision
            | Self::UnknownPath
            | Self::Unversioned
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
            Self::WrongRevision => Some(
                "a URL has numbers, `HEAD` and dates such as `{2026-11-20}`; `BASE`, `COMMITTED` and `PREV` need a working copy",
            ),
            Self::UnknownRevision | Self::UnknownPath | Self::Other => None,
        }
    }
}
