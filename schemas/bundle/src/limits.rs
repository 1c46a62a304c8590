//! `Limits`: the sizes, counts and depths that a reader will accept, and one error for each.
//!
//! The defaults are far above what a normal project needs and low enough that a hostile bundle
//! cannot fill a machine's memory. The writer obeys the same limits, so that what was packed can
//! be read.

use bulla_schemas::EntryPath;

/// How much a bundle may ask of its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most entries in the index.
    pub entries: u64,
    /// Most parts in the path of an entry.
    pub depth: usize,
    /// Most bytes in the index, uncompressed; it is held in memory.
    pub index_size: u64,
    /// Most bytes in the frame table, uncompressed; it is held in memory.
    pub frame_table_size: u64,
    /// Most bytes in the log's copy in a `.bulla` file; it is held in memory.
    pub log_size: u64,
    /// Most bytes in a delta; it is held in memory.
    pub delta_size: u64,
    /// Most bytes in one file.
    pub file_size: u64,
    /// Most bytes in the tar, uncompressed.
    pub tar_size: u64,
    /// How many times larger than the payload the tar may be.
    pub ratio: u64,
    /// Tars of up to this many bytes may have any ratio: a few zeros compress without end.
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        const GIB: u64 = 1024 * MIB;
        Self {
            entries: 1_000_000,
            depth: 128,
            index_size: 256 * MIB,
            frame_table_size: 64 * MIB,
            log_size: 256 * MIB,
            delta_size: 32 * MIB,
            file_size: 256 * GIB,
            tar_size: 256 * GIB,
            ratio: 500,
            ratio_from: 256 * MIB,
        }
    }
}

/// A limit that a bundle or a tree exceeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// [`Limits::entries`]
    #[error("at most {limit} entries are allowed, found {found}")]
    Entries {
        /// The limit.
        limit: u64,
        /// How many there are, or at least are.
        found: u64,
    },
    /// [`Limits::depth`]
    #[error("at most {limit} parts are allowed in a path, found {found} in `{path}`")]
    Depth {
        /// The path.
        path: EntryPath,
        /// The limit.
        limit: usize,
        /// How many parts the path has.
        found: usize,
    },
    /// [`Limits::index_size`]
    #[error("the index may have at most {limit} bytes, found {found}")]
    IndexSize {
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
    /// [`Limits::frame_table_size`]
    #[error("the frame table may have at most {limit} bytes, found {found}")]
    FrameTableSize {
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
    /// [`Limits::log_size`]
    #[error("the log's copy may have at most {limit} bytes, found {found} or more")]
    LogSize {
        /// The limit.
        limit: u64,
        /// The size so far.
        found: u64,
    },
    /// [`Limits::delta_size`]
    #[error("a delta may have at most {limit} bytes, found {found}")]
    DeltaSize {
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
    /// [`Limits::file_size`]
    #[error("a file may have at most {limit} bytes, found {found} in `{path}`")]
    FileSize {
        /// The file.
        path: EntryPath,
        /// The limit.
        limit: u64,
        /// The file's size.
        found: u64,
    },
    /// [`Limits::tar_size`]
    #[error("the tar may have at most {limit} bytes, found {found}")]
    TarSize {
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
    /// [`Limits::ratio`]
    #[error(
        "the tar may be at most {limit} times as large as the payload, found {tar} bytes in {payload}"
    )]
    Ratio {
        /// The limit.
        limit: u64,
        /// Bytes in the tar.
        tar: u64,
        /// Bytes in the payload.
        payload: u64,
    },
    /// [`ReleaseDocument::MAX_LEN`](bulla_schemas::release::ReleaseDocument::MAX_LEN) or
    /// [`Manifest::MAX_LEN`](bulla_schemas::manifest::Manifest::MAX_LEN)
    #[error("the {document} may have at most {limit} bytes, found {found}")]
    DocumentSize {
        /// Manifest or release document.
        document: &'static str,
        /// The limit.
        limit: u64,
        /// The size.
        found: u64,
    },
}

impl Limits {
    pub(crate) fn check_entries(&self, found: u64) -> Result<(), LimitError> {
        let limit = self.entries;
        within(found, limit, || LimitError::Entries { limit, found })
    }

    pub(crate) fn check_depth(&self, path: &EntryPath) -> Result<(), LimitError> {
        let (limit, found) = (self.depth, path.depth());
        within(found as u64, limit as u64, || LimitError::Depth {
            path: path.clone(),
            limit,
            found,
        })
    }

    pub(crate) fn check_index_size(&self, found: u64) -> Result<(), LimitError> {
        let limit = self.index_size;
        within(found, limit, || LimitError::IndexSize { limit, found })
    }

    pub(crate) fn check_frame_table_size(&self, found: u64) -> Result<(), LimitError> {
        let limit = self.frame_table_size;
        within(found, limit, || LimitError::FrameTableSize { limit, found })
    }

    pub(crate) fn check_log_size(&self, found: u64) -> Result<(), LimitError> {
        let limit = self.log_size;
        within(found, limit, || LimitError::LogSize { limit, found })
    }

    pub(crate) fn check_delta_size(&self, found: u64) -> Result<(), LimitError> {
        let limit = self.delta_size;
        within(found, limit, || LimitError::DeltaSize { limit, found })
    }

    pub(crate) fn check_file_size(&self, path: &EntryPath, found: u64) -> Result<(), LimitError> {
        let limit = self.file_size;
        within(found, limit, || LimitError::FileSize {
            path: path.clone(),
            limit,
            found,
        })
    }

    pub(crate) fn check_tar_size(&self, found: u64) -> Result<(), LimitError> {
        let limit = self.tar_size;
        within(found, limit, || LimitError::TarSize { limit, found })
    }

    pub(crate) fn check_ratio(&self, tar: u64, payload: u64) -> Result<(), LimitError> {
        let limit = self.ratio;
        let allowed = payload.saturating_mul(limit).max(self.ratio_from);
        within(tar, allowed, || LimitError::Ratio {
            limit,
            tar,
            payload,
        })
    }

    pub(crate) fn check_document(
        document: &'static str,
        limit: u64,
        found: u64,
    ) -> Result<(), LimitError> {
        within(found, limit, || LimitError::DocumentSize {
            document,
            limit,
            found,
        })
    }
}

fn within(found: u64, limit: u64, error: impl FnOnce() -> LimitError) -> Result<(), LimitError> {
    if found <= limit { Ok(()) } else { Err(error()) }
}
