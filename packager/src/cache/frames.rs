//! `Frames`: compressed frames in files of their own.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bulla_bundle::{CachedFrame, FrameCache};
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::{Codec, Digest};

use super::file::{read, write};

/// Bytes of the digest that stands behind the compressed bytes.
const DIGEST: usize = 32;
/// More than any frame has: the largest piece, and what zstd adds to what it cannot compress.
const MOST: u64 = 4 * 1024 * 1024;
/// A frame that is used is marked as used, at most this often.
const MARKED: Duration = Duration::from_hours(1);

/// The frames of one codec. What goes wrong here is as if there were no frame.
#[derive(Debug)]
pub struct Frames {
    cache: PathBuf,
    /// The codec, as part of a path.
    codec: String,
    now: SystemTime,
}

impl Frames {
    pub(super) fn new(cache: PathBuf, codec: &Codec, now: SystemTime) -> Self {
        Self {
            cache,
            codec: codec.to_string().replace('/', "-"),
            now,
        }
    }

    fn name(&self, content: Digest) -> String {
        let hex = content.hex();
        format!("frames/{}/{}/{}", self.codec, &hex[..2], &hex[2..])
    }

    /// Frames that are not used for long are removed; this one is used.
    fn mark(&self, path: &std::path::Path) -> io::Result<()> {
        let modified = path.metadata()?.modified()?;
        if self.now.duration_since(modified).unwrap_or_default() > MARKED {
            bulla_files::open_file(path)?.set_modified(self.now)?;
        }
        Ok(())
    }
}

impl FrameCache for Frames {
    fn load(&self, content: Digest) -> Option<CachedFrame> {
        let name = self.name(content);
        let mut compressed = read(&self.cache, &name, MOST)?;
        let digest = compressed.split_off(compressed.len().checked_sub(DIGEST)?);
        // A frame that was not marked is only removed sooner.
        let _ = self.mark(&self.cache.join(&name));
        Some(CachedFrame {
            digest: Digest::from_bytes(digest.try_into().ok()?),
            compressed,
        })
    }

    fn store(&self, record: &FrameRecord, compressed: &[u8]) {
        let parts = [compressed, record.compressed_digest.as_bytes()];
        // Without room or permission the next pack compresses again.
        let _ = write(&self.cache, &self.name(record.digest), &parts);
    }
}
