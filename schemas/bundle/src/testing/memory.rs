//! `MemoryTree`: a tree that is held in memory.

use std::io;

use bulla_schemas::path::PathError;
use bulla_schemas::{EntryPath, LinkTarget};

use crate::source::{Content, SourceEntry, SourceKind, SourceTree};

/// Entries and their contents.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    entries: Vec<SourceEntry>,
    contents: Vec<Vec<u8>>,
}

impl MemoryTree {
    /// Adds a file that cannot be executed.
    pub fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let kind = SourceKind::File {
            executable: false,
            known: None,
        };
        Ok(self.with(path.parse()?, kind, content.into()))
    }

    /// Adds a file that can be executed.
    pub fn executable(self, path: &str, content: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let kind = SourceKind::File {
            executable: true,
            known: None,
        };
        Ok(self.with(path.parse()?, kind, content.into()))
    }

    /// Adds a directory; needed only when it is empty.
    pub fn directory(self, path: &str) -> Result<Self, PathError> {
        Ok(self.with(path.parse()?, SourceKind::Directory, Vec::new()))
    }

    /// Adds a symbolic link.
    pub fn link(self, path: &str, target: &str) -> Result<Self, PathError> {
        let path: EntryPath = path.parse()?;
        let target = LinkTarget::new(target, &path)?;
        Ok(self.with(path, SourceKind::Link { target }, Vec::new()))
    }

    fn with(mut self, path: EntryPath, kind: SourceKind, content: Vec<u8>) -> Self {
        self.entries.push(SourceEntry { path, kind });
        self.contents.push(content);
        self
    }
}

impl SourceTree for MemoryTree {
    fn entries(&self) -> &[SourceEntry] {
        &self.entries
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        let content = self.contents.get(position).cloned();
        content
            .map(Content::Memory)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
