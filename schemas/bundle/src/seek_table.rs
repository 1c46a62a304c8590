//! The seek table at the end of a payload, so that other tools can seek in it.
//!
//! ```text
//! 5e 2a 4d 18              skippable frame (RFC 8878 §3.1.2)
//! u32                      bytes that follow
//! { u32 c, u32 u } ...     one per frame
//! u32 frames, u8 0         no checksums
//! b1 ea 92 8f              seekable format
//! ```
//!
//! All little-endian (zstd, `contrib/seekable_format`). It follows from the frame table, so Bulla
//! itself reads it only to refuse another one.

use bulla_schemas::frames::FrameRecord;

const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
const HEADER: u64 = 8;
const ENTRY: u64 = 8;
const FOOTER: u64 = 9;

/// Returns the size of the seek table of so many frames, in bytes.
pub(crate) const fn size(frames: u64) -> u64 {
    HEADER + ENTRY * frames + FOOTER
}

/// Returns the one possible seek table; `None` for more frames or larger ones than it can hold.
pub(crate) fn to_bytes<'a>(
    frames: impl ExactSizeIterator<Item = &'a FrameRecord>,
) -> Option<Vec<u8>> {
    let count = u32::try_from(frames.len()).ok()?;
    let content = u32::try_from(size(u64::from(count)) - HEADER).ok()?;
    let mut bytes = Vec::with_capacity(usize::try_from(content).ok()? + 8);
    bytes.extend_from_slice(&SKIPPABLE_MAGIC.to_le_bytes());
    bytes.extend_from_slice(&content.to_le_bytes());
    for frame in frames {
        bytes.extend_from_slice(&u32::try_from(frame.compressed_size).ok()?.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(frame.size).ok()?.to_le_bytes());
    }
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&SEEKABLE_MAGIC.to_le_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulla_schemas::Digest;

    #[test]
    fn has_the_bytes_of_the_seekable_format() {
        let frame = FrameRecord {
            compressed_size: 0x0102,
            size: 0x0304,
            compressed_digest: Digest::of(b""),
            digest: Digest::of(b""),
        };
        let bytes = to_bytes([frame].iter()).unwrap();
        assert_eq!(bytes.len() as u64, size(1));
        assert_eq!(
            bytes,
            [
                0x5e, 0x2a, 0x4d, 0x18, 17, 0, 0, 0, 2, 1, 0, 0, 4, 3, 0, 0, 1, 0, 0, 0, 0, 0xb1,
                0xea, 0x92, 0x8f
            ]
        );
    }
}
