//! Where a release comes from: one fixed revision of a git or Subversion checkout.
//!
//! [`open`] turns a [`SourceSpec`] into a [`Checkout`]: every entry that the revision tracks, the
//! content of each on demand, what the release document says about the revision, and the facts
//! that stand in the release statement. It chooses nothing (that is [`crate::select`]) and writes
//! nothing. Configuration, locale, umask and the state of the work tree change no byte of it.

mod address;
mod checkout;
mod comparison;
pub(crate) mod discover;
pub(crate) mod disk;
mod error;
mod git;
mod listing;
pub(crate) mod ownership;
mod protected;
mod reference;
pub mod remote;
mod spec;
pub(crate) mod special;
pub(crate) mod svn;
mod tree;

use checkout::read;
pub use checkout::{Checkout, Provenance};
pub use comparison::Comparison;
use comparison::Refusal;
use discover::{Found, discover};
pub use error::SourceError;
pub use git::{GitContentError, GitError, SubmoduleUrlError};
pub use listing::Listing;
pub use ownership::ForeignCheckout;
pub use reference::{CiRevision, GivenReference};
pub use remote::StatedError;
pub use spec::{Location, SourceSpec};
pub use special::SpecialFile;
pub use svn::{ExternalError, SvnError, SvnFailure};
use tree::untracked_warning;
pub use tree::{ContentId, Tracked, TrackedKind};
pub(crate) use tree::{Tree, join};

/// Opens the revision that `spec` names.
pub fn open(spec: &SourceSpec) -> Result<Checkout, SourceError> {
    begin(spec)?.compared()
}

/// Opens the revision that `spec` names, and does not wait until the work tree is compared with
/// it. What is made of the checkout counts only after [`Checkout::compared`].
pub fn begin(spec: &SourceSpec) -> Result<Checkout, SourceError> {
    spec.reference.check()?;
    match &spec.location {
        Location::Url(url) => svn::open_url(url, spec),
        Location::Directory(directory) => {
            let directory = directory
                .canonicalize()
                .map_err(|source| SourceError::io("cannot open", directory, source))?;
            if !directory.is_dir() {
                return Err(SourceError::NotDirectory {
                    repository: directory.display().to_string(),
                });
            }
            match discover(&directory) {
                Some(Found::Git(top)) => git::open(&top, spec),
                Some(Found::Subversion(root)) => svn::open_working_copy(&root, &directory, spec),
                None => Err(SourceError::NoRepository { directory }),
            }
        }
    }
}

/// Says what a location is a checkout of, `git` or `svn`, where that can be told.
pub(crate) fn system(location: &Location) -> Option<&'static str> {
    match location {
        Location::Url(_) => Some("svn"),
        Location::Directory(directory) => match discover(&directory.canonicalize().ok()?)? {
            Found::Git(_) => Some("git"),
            Found::Subversion(_) => Some("svn"),
        },
    }
}
