//! `Tree`: a revision's entries and their content, whatever the version control system.

use std::io;

use bulla_bundle::Content;
use bulla_schemas::Digest;
use bulla_schemas::recipe::SourceSection;
use serde::{Deserialize, Serialize};

use super::error::SourceError;
use crate::filter::Filter;

/// One entry of a revision, before anything is known about whether it may be released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// The path from the top of the checkout, `/`-separated, in whatever bytes the version control
    /// system has.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: TrackedKind,
}

/// What a version control system can track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackedKind {
    /// A directory that is tracked as such (Subversion only).
    Directory,
    /// A file.
    File {
        /// Whether it may be executed.
        executable: bool,
    },
    /// A symbolic link; its content is the target.
    Link,
    /// A git submodule: a commit of another repository.
    Submodule,
    /// A Subversion external: a directory or file of another place.
    External,
}

/// A revision's entries and their content.
pub(crate) trait Tree: Send + Sync {
    /// Returns every entry, in any order.
    fn tracked(&self) -> &[Tracked];

    /// Opens the content of `tracked()[position]`, a file or a link.
    fn content(&self, position: usize) -> io::Result<Content>;

    /// Returns the name of the content of `tracked()[position]`, a file, where there is one.
    fn id(&self, _position: usize) -> Option<ContentId> {
        None
    }

    /// Puts the content in the place of what only stands for it: submodules, pointers, externals.
    /// What `filter` leaves out need not be fetched.
    fn resolve(
        self: Box<Self>,
        section: &SourceSection,
        filter: &Filter,
    ) -> Result<Box<dyn Tree>, SourceError>;

    /// Takes what a person should know about what was put there, one sentence each.
    fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What a version control system calls a content. Two files with one name have the same bytes in
/// a release, so a file that was packed before need not be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContentId {
    /// A blob of git with SHA-1.
    GitSha1([u8; 20]),
    /// A blob of git with SHA-256.
    GitSha256([u8; 32]),
    /// A pristine text of Subversion.
    SvnSha1([u8; 20]),
    /// The content's own sha256, as Git LFS has it.
    Sha256(Digest),
    /// A pristine text of Subversion whose lines end with LF in the release.
    SvnSha1Lf([u8; 20]),
}

/// What is not tracked is in no release; a person may have forgotten to add it.
pub(super) fn untracked_warning(names: &[String]) -> Vec<String> {
    match names {
        [] => Vec::new(),
        [only] => vec![format!(
            "`{only}` is not tracked and not part of the release"
        )],
        [first, more @ ..] => vec![format!(
            "`{first}` and {} more are not tracked and not part of the release",
            more.len()
        )],
    }
}

/// Joins a path and a name below it; both may be any bytes.
pub(crate) fn join(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(prefix.len() + name.len() + 1);
    if !prefix.is_empty() {
        path.extend_from_slice(prefix);
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
