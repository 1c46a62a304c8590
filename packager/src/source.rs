//! Where a release comes from: one fixed revision of a git or Subversion checkout.
//!
//! [`open`] turns a [`SourceSpec`] into a [`Checkout`]: every entry that the revision tracks, the
//! content of each on demand, what the release document says about the revision, and the facts
//! that stand in the release statement. It chooses nothing (that is [`crate::select`]) and writes
//! nothing. Configuration, locale, umask and the state of the work tree change no byte of it.

mod address;
mod comparison;
pub(crate) mod disk;
mod error;
mod git;
mod listing;
pub(crate) mod ownership;
mod protected;
mod reference;
pub mod remote;
pub(crate) mod svn;

use std::io;
use std::path::{Path, PathBuf};

use bulla_bundle::Content;
use bulla_schemas::Digest;
use bulla_schemas::recipe::SourceSection;
use bulla_schemas::release::Source;
use bulla_schemas::statement::Build;
use serde::{Deserialize, Serialize};

use crate::filter::Filter;
pub use comparison::Comparison;
use comparison::Refusal;
pub use error::SourceError;
pub use git::{GitContentError, GitError, SubmoduleUrlError};
pub use listing::Listing;
pub use ownership::ForeignCheckout;
pub use reference::{CiRevision, GivenReference};
pub use remote::StatedError;
pub use svn::{ExternalError, SvnError, SvnFailure};

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

/// A revision that can be read, from several threads at once.
pub struct Checkout {
    /// What the release document says about the revision.
    pub source: Source,
    /// What the release statement says about it.
    pub provenance: Provenance,
    /// What a person should know before trusting the result, one sentence each.
    pub warnings: Vec<String>,
    /// The comparison with the work tree, while it goes on.
    comparison: Option<Comparison>,
    /// Whether the one that took the comparison is about to hear that it refuses.
    refusal: Refusal,
    /// The directory that shows this checkout to a person, if there is one.
    directory: Option<PathBuf>,
    tree: Box<dyn Tree>,
}

/// Facts about a revision that two honest builders may disagree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// `git+` or `svn+` and the repository's URL, without user or password.
    pub source: String,
    /// The branch or tag in full, or the path inside a Subversion repository; empty when unknown.
    pub reference: String,
    /// A tag that names the revision; may be empty.
    pub label: String,
    /// Whether changes that are in no revision were packed.
    pub dirty: bool,
    /// How the recipe's build ran.
    pub build: Build,
}

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

impl Checkout {
    /// Returns every entry that the revision tracks, in any order.
    pub fn tracked(&self) -> &[Tracked] {
        self.tree.tracked()
    }

    /// Opens the content of `tracked()[position]`: a file's bytes or a link's target.
    pub fn content(&self, position: usize) -> io::Result<Content> {
        self.refusal.check()?;
        self.tree.content(position)
    }

    /// Returns the name of the content of `tracked()[position]`, where there is one.
    pub fn id(&self, position: usize) -> Option<ContentId> {
        self.tree.id(position)
    }

    /// Puts the content in the place of what only stands for it: submodules, pointers of Git LFS,
    /// externals. What `filter` leaves out is not fetched.
    pub fn resolve(
        mut self,
        section: &SourceSection,
        filter: &Filter,
    ) -> Result<Self, SourceError> {
        self.tree = self.tree.resolve(section, filter)?;
        self.warnings.extend(self.tree.take_warnings());
        Ok(self)
    }

    /// Takes the comparison with the work tree, if it still goes on. Once it refuses, nothing can be
    /// read any more.
    pub(crate) fn take_comparison(&mut self) -> Option<Comparison> {
        let comparison = self.comparison.take()?;
        self.refusal = comparison.refusal();
        Some(comparison)
    }

    /// Waits for the comparison with the work tree, which refuses changes that are in no revision.
    pub fn compared(mut self) -> Result<Self, SourceError> {
        if let Some(comparison) = self.take_comparison() {
            self.warnings.extend(comparison.end()?);
        }
        Ok(self)
    }

    /// Puts other entries in the place of those that the revision tracks.
    pub(crate) fn replaced(mut self, tree: Box<dyn Tree>) -> Self {
        self.tree = tree;
        self
    }

    /// Tells whether the directory of the checkout has `name`, tracked or not.
    pub fn has_beside(&self, name: &str) -> bool {
        self.directory
            .as_ref()
            .is_some_and(|directory| directory.join(name).exists())
    }

    /// Reads the content of `tracked()[position]`, at most `limit` bytes.
    pub fn read(&self, position: usize, limit: u64) -> io::Result<Vec<u8>> {
        read(self.content(position)?, limit)
    }
}

/// Reads `content`, at most `limit` bytes.
fn read(content: Content, limit: u64) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "larger than allowed");
    let bytes = match content {
        Content::Memory(bytes) => bytes,
        Content::Stream { size, .. } if size > limit => return Err(too_large()),
        Content::Stream { reader, .. } => {
            let mut bytes = Vec::new();
            reader.take(limit + 1).read_to_end(&mut bytes)?;
            bytes
        }
    };
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

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

enum Found {
    Git(PathBuf),
    Subversion(PathBuf),
}

/// Finds the nearest repository at or above `directory`.
fn discover(directory: &Path) -> Option<Found> {
    directory.ancestors().find_map(|ancestor| {
        if ancestor.join(".git").exists() || gix::discover::is_git(ancestor).is_ok() {
            Some(Found::Git(ancestor.to_owned()))
        } else if ancestor.join(".svn").is_dir() {
            Some(Found::Subversion(ancestor.to_owned()))
        } else {
            None
        }
    })
}

/// What is not tracked is in no release; a person may have forgotten to add it.
fn untracked_warning(names: &[String]) -> Vec<String> {
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

pub(crate) fn join(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(prefix.len() + name.len() + 1);
    if !prefix.is_empty() {
        path.extend_from_slice(prefix);
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
