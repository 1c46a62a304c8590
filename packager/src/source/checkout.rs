//! `Checkout`: a revision that can be read.

use std::io;
use std::path::PathBuf;

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;
use bulla_schemas::release::Source;
use bulla_schemas::statement::Build;

use super::comparison::{Comparison, Refusal};
use super::error::SourceError;
use super::tree::{ContentId, Tracked, Tree};
use crate::filter::Filter;

/// A revision that can be read, from several threads at once.
pub struct Checkout {
    /// What the release document says about the revision.
    pub source: Source,
    /// What the release statement says about it.
    pub provenance: Provenance,
    /// What a person should know before trusting the result, one sentence each.
    pub warnings: Vec<String>,
    /// The comparison with the work tree, while it goes on.
    pub(super) comparison: Option<Comparison>,
    /// Whether the one that took the comparison is about to hear that it refuses.
    pub(super) refusal: Refusal,
    /// The directory that shows this checkout to a person, if there is one.
    pub(super) directory: Option<PathBuf>,
    pub(super) tree: Box<dyn Tree>,
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
pub(super) fn read(content: Content, limit: u64) -> io::Result<Vec<u8>> {
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
