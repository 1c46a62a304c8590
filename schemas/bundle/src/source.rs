//! What the packager hands over: a fixed tree whose files can be read in any order.
//!
//! The source says what is there; the writer decides the order, adds missing directories and
//! refuses what cannot be a release.

use std::fmt;
use std::io::{self, Read};

use bulla_schemas::release;
use bulla_schemas::{EntryPath, LinkTarget};

/// One entry of a tree that is to be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// Where it lies.
    pub path: EntryPath,
    /// What it is.
    pub kind: SourceKind,
}

/// What an entry is; of the mode, only the executable bit of a file is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A directory; needed only for empty ones.
    Directory,
    /// A file.
    File {
        /// Whether the file may be executed.
        executable: bool,
        /// Its content, where an earlier pack read it: the file need not be read to know it.
        known: Option<release::Content>,
    },
    /// A symbolic link.
    Link {
        /// Where it points.
        target: LinkTarget,
    },
}

impl SourceEntry {
    /// Takes note of the content of a file.
    pub fn know(&mut self, content: release::Content) {
        if let SourceKind::File { known, .. } = &mut self.kind {
            *known = Some(content);
        }
    }
}

/// The bytes of a file.
pub enum Content {
    /// All of them; for what is small or had to be unpacked anyway.
    Memory(Vec<u8>),
    /// A reader that yields exactly `size` bytes; for what should not be held in memory.
    Stream {
        /// The size in bytes, refused when the reader yields more or less.
        size: u64,
        /// Yields the content once.
        reader: Box<dyn Read + Send>,
    },
}

impl Content {
    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Stream { size, .. } => *size,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Memory(_) => "Memory",
            Self::Stream { .. } => "Stream",
        };
        write!(formatter, "{name}({} bytes)", self.size())
    }
}

/// A tree that does not change while it is packed. Called from several threads at once.
pub trait SourceTree: Sync {
    /// Returns all entries, in any order but always the same.
    fn entries(&self) -> &[SourceEntry];

    /// Opens the content of the file `entries()[position]`; called once for each file.
    fn content(&self, position: usize) -> io::Result<Content>;
}
