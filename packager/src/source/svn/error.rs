//! What can go wrong with a Subversion checkout.

mod failure;

use std::path::PathBuf;

use bulla_schemas::escape::escape;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_svn::WorkingCopyError;
pub use failure::SvnFailure;

use super::externals::error::ExternalError;
use crate::source::listing::Listing;

/// Why a Subversion checkout cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SvnError {
    /// A working copy that cannot be read.
    #[error(transparent)]
    WorkingCopy(#[from] WorkingCopyError),
    /// A working copy that is not exactly what one revision says.
    #[error("the working copy `{checkout}` is not exactly one revision:\n{problems}", checkout = .checkout.display())]
    NotOneRevision {
        /// The working copy.
        checkout: PathBuf,
        /// What is wrong with which path.
        problems: Listing,
        /// What mends it.
        mend: String,
    },
    /// A directory that is in no revision at all.
    #[error("`{repository}` was never committed")]
    NeverCommitted {
        /// The checkout.
        repository: String,
    },
    /// A revision in no form that Subversion has.
    #[error("expected a revision such as `4711`, `HEAD` or `{{2026-11-20}}`, found {revision:?}")]
    NotRevision {
        /// What was asked for.
        revision: String,
        /// The checkout or URL.
        repository: String,
    },
    /// A name where Subversion has a path.
    #[error(
        "a branch or tag was named, but `{repository}` is a Subversion directory, whose path is that"
    )]
    Reference {
        /// The checkout or URL.
        repository: String,
    },
    /// No `svn` program.
    #[error("the program `svn`, which reads `{repository}`, is not installed")]
    NotInstalled {
        /// The checkout or URL.
        repository: String,
    },
    /// What `svn` could not do.
    #[error("`svn {command}` cannot read `{repository}`:\n{message}")]
    Command {
        /// The subcommand.
        command: String,
        /// The checkout or URL.
        repository: String,
        /// Why, as far as the error codes tell.
        failure: SvnFailure,
        /// What `svn` said.
        message: String,
    },
    /// What `svn` should not have said.
    #[error("cannot understand what `svn {command}` says about `{repository}`")]
    Xml {
        /// The subcommand.
        command: String,
        /// The checkout or URL.
        repository: String,
        /// What is wrong with it.
        #[source]
        source: quick_xml::DeError,
    },
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
    /// What an external puts into the directory.
    #[error(transparent)]
    External(#[from] ExternalError),
}

impl Outcome for SvnError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::WorkingCopy(error) => error.kind(),
            Self::Command { failure, .. } => failure.kind(),
            Self::External(error) => error.kind(),
            Self::NotRevision { .. } | Self::Reference { .. } | Self::PasswordInUrl { .. } => {
                FailureKind::Usage
            }
            Self::NotOneRevision { .. }
            | Self::NotWhole { .. }
            | Self::Address { .. }
            | Self::OtherRepository { .. } => FailureKind::Refused,
            Self::NeverCommitted { .. } | Self::NotInstalled { .. } | Self::Xml { .. } => {
                FailureKind::Failed
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::WorkingCopy(error) => return error.hint(),
            Self::Command { failure, .. } => return failure.hint().map(str::to_owned),
            Self::External(error) => return error.hint(),
            Self::NotOneRevision { mend, .. } => mend,
            Self::NeverCommitted { .. } => "make a first commit with `svn commit`",
            Self::Reference { .. } => "leave `--ref` out",
            Self::NotInstalled { .. } => "install it, on Debian with `apt install subversion`",
            Self::NotWhole { .. } => "ask the server's operator for the right to read it",
            Self::PasswordInUrl { .. } => {
                "`svn info` with the URL without it asks for the password, and remembers it"
            }
            Self::Address { .. } => {
                "mend it with `svn propedit svn:externals` or `svn relocate`, or leave the external out with `exclude`"
            }
            Self::NotRevision { .. } | Self::Xml { .. } | Self::OtherRepository { .. } => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}
