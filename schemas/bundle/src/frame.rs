//! One zstd frame: made in one shot, read back only after its digest matched and into exactly the
//! size that was announced.
//!
//! A frame has its content size in its header, no checksum and no dictionary. Nothing is
//! allocated from what a frame says about itself: the frame table decides.

use std::io;
use std::ops::{Range, RangeInclusive};

use bulla_schemas::frames::FrameRecord;
use bulla_schemas::{Codec, Digest};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

/// The libzstd that [`Codec::VERSION`] names, as libzstd counts.
const LIBRARY: u32 = {
    let [major, minor, patch] = Codec::VERSION;
    major * 10_000 + minor * 100 + patch
};
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Levels whose match finder is one of libzstd's greedy and lazy ones, with row hashes.
const ROW_HASH_LEVELS: RangeInclusive<u8> = 5..=12;
/// Contents of more bytes get the hash table of [`HASH_LOG`].
const LARGE: usize = 128 * 1024;
/// The logarithm of the entries of the hash table, a mebibyte.
const HASH_LOG: u32 = 18;
/// Bits of the frame header descriptor (RFC 8878 §3.1.1.1.1) that must be zero: unused, reserved,
/// content checksum, dictionary id.
const DESCRIPTOR_ZEROS: u8 = 0b0001_1111;

/// A frame of the payload or the index, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its line in the frame table.
    pub record: FrameRecord,
    /// Where it begins in the blob.
    pub compressed_offset: u64,
    /// Where its content begins in the tar or the index.
    pub offset: u64,
}

impl Frame {
    /// Returns where its content ends in the tar or the index.
    pub const fn end(&self) -> u64 {
        self.offset + self.record.size
    }

    /// Returns where it lies in the blob.
    pub const fn span(&self) -> Range<u64> {
        self.compressed_offset..self.compressed_offset + self.record.compressed_size
    }

    /// Returns its content in the whole tar or index, unless that is too short.
    pub fn content_in<'a>(&self, whole: &'a [u8]) -> Option<&'a [u8]> {
        slice(whole, self.offset, self.record.size)
    }
}

/// Why a frame is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// More or fewer compressed bytes than the frame table says.
    #[error("expected {expected} compressed bytes, found {found}")]
    CompressedSize {
        /// What the frame table says.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// Other compressed bytes than the frame table says.
    #[error("expected the compressed bytes to be {expected}, found {found}")]
    CompressedDigest {
        /// What the frame table says.
        expected: Digest,
        /// What they are.
        found: Digest,
    },
    /// Not a zstd frame as this format has them.
    #[error("expected a zstd frame with a content size and without checksum and dictionary")]
    Form,
    /// The frame says another size of content than the frame table.
    #[error("expected a frame of {expected} bytes of content, it says that it has {found}")]
    ContentSize {
        /// What the frame table says.
        expected: u64,
        /// What the frame says.
        found: u64,
    },
    /// Bytes behind the frame, or a second frame.
    #[error("expected one frame of {expected} compressed bytes, it ends after {found}")]
    Trailing {
        /// What the frame table says.
        expected: u64,
        /// Where the frame ends.
        found: u64,
    },
    /// Damaged, or with more content than announced.
    #[error("the frame cannot be decompressed")]
    Decompress(#[source] io::Error),
    /// Another size of content than announced.
    #[error("expected {expected} bytes of content, found {found}")]
    Size {
        /// What the frame table says.
        expected: u64,
        /// How many came out.
        found: u64,
    },
    /// Another content than the frame table says.
    #[error("expected the content to be {expected}, found {found}")]
    Digest {
        /// What the frame table says.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
}

/// Returns `size` bytes from `offset` on, unless there are fewer.
pub(crate) fn slice(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    bytes.get(start..end)
}

/// Returns where `size` bytes from `offset` on can be written, unless there are fewer.
pub(crate) fn slice_mut(bytes: &mut [u8], offset: u64, size: u64) -> Option<&mut [u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    bytes.get_mut(start..end)
}

/// Tells which libzstd is linked, unless it is the one that the format needs.
pub(crate) fn other_library() -> Option<u32> {
    let found = zstd_safe::version_number();
    (found != LIBRARY).then_some(found)
}

/// Compresses `content` into one frame.
///
/// Every frame gets a context of its own. A used one salts its row hash with what it did before
/// (`ZSTD_advanceHashSalt`, libzstd 1.5.5 and later). No case is known where that changes a byte,
/// but nothing promises it, and a new context costs too little to measure.
///
/// The hash table of the levels with row hashes is cut to a size that stays in a core's cache:
/// libzstd's own choice is made for streams, and costs a frame a fifth more time for 0.6 % fewer
/// bytes.
pub(crate) fn compress(content: &[u8], level: u8) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(i32::from(level))?;
    if ROW_HASH_LEVELS.contains(&level) && content.len() > LARGE {
        compressor.set_parameter(CParameter::HashLog(HASH_LOG))?;
    }
    compressor.compress(content)
}

/// Checks the compressed digest, then the frame's header, then decompresses.
pub(crate) fn decode(record: &FrameRecord, compressed: &[u8]) -> Result<Vec<u8>, FrameError> {
    check_compressed(record, compressed)?;
    decompress(compressed, record.size)
}

/// Checks compressed bytes.
pub(crate) fn check_compressed(record: &FrameRecord, compressed: &[u8]) -> Result<(), FrameError> {
    if compressed.len() as u64 != record.compressed_size {
        return Err(FrameError::CompressedSize {
            expected: record.compressed_size,
            found: compressed.len() as u64,
        });
    }
    let found = Digest::of(compressed);
    if found == record.compressed_digest {
        Ok(())
    } else {
        Err(FrameError::CompressedDigest {
            expected: record.compressed_digest,
            found,
        })
    }
}

/// Decompresses one frame of exactly `size` bytes of content. The caller knows the digest of
/// `compressed` and has bounded `size`.
pub(crate) fn decompress(compressed: &[u8], size: u64) -> Result<Vec<u8>, FrameError> {
    check_form(compressed, size)?;
    let capacity = usize::try_from(size).map_err(|_| FrameError::Form)?;
    let content = Decompressor::new()
        .and_then(|mut decompressor| decompressor.decompress(compressed, capacity))
        .map_err(FrameError::Decompress)?;
    if content.len() == capacity {
        Ok(content)
    } else {
        Err(FrameError::Size {
            expected: size,
            found: content.len() as u64,
        })
    }
}

/// Checks that there is one frame, of the form that ours have, which announces `size` bytes of
/// content. Nothing is decompressed.
pub(crate) fn check_form(compressed: &[u8], size: u64) -> Result<(), FrameError> {
    let announced = content_size(compressed)?;
    if announced != size {
        return Err(FrameError::ContentSize {
            expected: size,
            found: announced,
        });
    }
    let end = end(compressed);
    if end == compressed.len() {
        Ok(())
    } else {
        Err(FrameError::Trailing {
            expected: compressed.len() as u64,
            found: end as u64,
        })
    }
}

/// Returns where the frame at the beginning of `bytes` ends; 0 where there is no whole one.
pub(crate) fn end(bytes: &[u8]) -> usize {
    zstd_safe::find_frame_compressed_size(bytes).unwrap_or(0)
}

/// Returns the size of the content that a frame's header announces.
pub(crate) fn content_size(compressed: &[u8]) -> Result<u64, FrameError> {
    let descriptor = compressed.get(MAGIC.len()).copied();
    let is_ours = compressed.starts_with(&MAGIC)
        && descriptor.is_some_and(|descriptor| descriptor & DESCRIPTOR_ZEROS == 0);
    match zstd_safe::get_frame_content_size(compressed) {
        Ok(Some(size)) if is_ours => Ok(size),
        _ => Err(FrameError::Form),
    }
}

/// Checks content that did not come out of the frame itself.
pub(crate) fn check_content(record: &FrameRecord, content: &[u8]) -> Result<(), FrameError> {
    if content.len() as u64 != record.size {
        return Err(FrameError::Size {
            expected: record.size,
            found: content.len() as u64,
        });
    }
    let found = Digest::of(content);
    if found == record.digest {
        Ok(())
    } else {
        Err(FrameError::Digest {
            expected: record.digest,
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &[u8], compressed: &[u8]) -> FrameRecord {
        FrameRecord {
            compressed_size: compressed.len() as u64,
            size: content.len() as u64,
            compressed_digest: Digest::of(compressed),
            digest: Digest::of(content),
        }
    }

    #[test]
    fn decodes_what_it_compressed() {
        for content in [vec![], vec![7], vec![7; 300_000]] {
            let compressed = compress(&content, 7).unwrap();
            let decoded = decode(&record(&content, &compressed), &compressed).unwrap();
            assert_eq!(decoded, content);
        }
    }

    #[test]
    fn bytes_do_not_depend_on_what_was_compressed_before() {
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761) % 5000).to_le_bytes())
            .collect();
        let first = compress(&text, 7).unwrap();
        for other in [vec![0; 600_000], vec![1], text[1..].to_vec()] {
            compress(&other, 7).unwrap();
            assert_eq!(compress(&text, 7).unwrap(), first);
        }
    }

    #[test]
    fn refuses_other_forms_of_a_frame() {
        let content = b"0123456789".repeat(20);
        let good = compress(&content, 3).unwrap();
        let with = |change: &dyn Fn(&mut Compressor<'static>)| {
            let mut compressor = Compressor::new(3).unwrap();
            change(&mut compressor);
            compressor.compress(&content).unwrap()
        };
        let checksum = with(&|c| c.include_checksum(true).unwrap());
        let no_size = with(&|c| c.include_contentsize(false).unwrap());
        let twice = [&good[..], &good[..]].concat();
        let cut = &good[..good.len() - 1];
        let size = content.len() as u64;
        assert!(matches!(decompress(&checksum, size), Err(FrameError::Form)));
        assert!(matches!(decompress(&no_size, size), Err(FrameError::Form)));
        assert!(matches!(decompress(b"", size), Err(FrameError::Form)));
        assert!(matches!(
            decompress(&twice, size),
            Err(FrameError::Trailing { .. })
        ));
        assert!(matches!(
            decompress(cut, size),
            Err(FrameError::Trailing { .. })
        ));
        assert!(matches!(
            decompress(&good, size + 1),
            Err(FrameError::ContentSize { .. })
        ));
    }

    #[test]
    fn links_the_library_that_the_format_names() {
        assert_eq!(other_library(), None);
    }
}
