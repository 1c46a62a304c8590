//! Which revision of which checkout is meant.

use std::path::PathBuf;

use super::reference::GivenReference;

/// Which revision of which checkout is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpec {
    /// Where the checkout is.
    pub location: Location,
    /// Anything that the version control system takes for one revision; the checked-out one when
    /// none is given.
    pub revision: Option<String>,
    /// Whether changes that are in no revision may be packed. Only the checked-out revision can
    /// have such changes.
    pub allow_dirty: bool,
    /// What is said about the branch or tag of a git commit.
    pub reference: GivenReference,
    /// The directory for temporary files, which an svn revision needs.
    pub spool: PathBuf,
}

/// A directory in a checkout, or the URL of a Subversion directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory in a work tree, or a bare repository.
    Directory(PathBuf),
    /// A Subversion URL, taken literally: an `@` is part of a name.
    Url(String),
}

impl Location {
    /// Takes what a person typed: whatever has `://` is a URL.
    pub fn parse(text: &std::ffi::OsStr) -> Self {
        match text.to_str() {
            Some(url) if url.contains("://") => Self::Url(url.to_owned()),
            _ => Self::Directory(PathBuf::from(text)),
        }
    }
}
