//! The frame table: its one possible text, and what must hold for every line.
//!
//! The lines themselves are described in `bulla_schemas::frames`. Offsets are prefix sums, so
//! there is nothing redundant in the table; the sums are held against the manifest and the
//! release document by `verify`.

use bulla_schemas::frames::{FrameRecord, FrameTableHeader};
use bulla_schemas::release::ReleaseDocument;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cut::{self, Sizes};
use crate::frame::Frame;

/// Why bytes are not a frame table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameTableError {
    /// A line that cannot be read.
    #[error("line {line} of the frame table cannot be read")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A line that could be written in another way.
    #[error("line {line} of the frame table is not in canonical form")]
    NotCanonical {
        /// The line, from 1.
        line: u64,
    },
    /// No line feed at the end.
    #[error("the frame table does not end with a line feed")]
    Unterminated,
    /// Another format.
    #[error(
        "the frame table has format {found}, expected {}",
        ReleaseDocument::FORMAT
    )]
    Format {
        /// The format.
        found: u32,
    },
    /// More or fewer lines than the header says.
    #[error(
        "the frame table's header says {payload} frames of the payload and {index} of the index, found {found} in all"
    )]
    Count {
        /// Frames of the payload.
        payload: u64,
        /// Frames of the index.
        index: u64,
        /// Lines behind the header.
        found: u64,
    },
    /// A frame with more or less content than cutting can give.
    #[error(
        "line {line} of the frame table: a frame with {size} bytes of content cannot come from cutting"
    )]
    ImpossibleSize {
        /// The line, from 1.
        line: u64,
        /// Bytes of content.
        size: u64,
    },
    /// More compressed bytes than compressing can give.
    #[error(
        "line {line} of the frame table: {size} bytes of content cannot fill {compressed_size} compressed ones"
    )]
    ImpossibleCompressedSize {
        /// The line, from 1.
        line: u64,
        /// Bytes of content.
        size: u64,
        /// Compressed bytes.
        compressed_size: u64,
    },
}

/// The frames of the payload and of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameTable {
    pub(crate) payload: Vec<Frame>,
    pub(crate) index: Vec<Frame>,
}

impl FrameTable {
    /// Reads a table and refuses every text but the one that [`to_bytes`] writes.
    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, FrameTableError> {
        let text = text
            .strip_suffix(b"\n")
            .ok_or(FrameTableError::Unterminated)?;
        let mut lines = (1_u64..).zip(text.split(|byte| *byte == b'\n'));
        let header: FrameTableHeader = match lines.next() {
            Some((line, bytes)) => read_header(line, bytes)?,
            None => return Err(FrameTableError::Unterminated),
        };
        let mut records = Vec::new();
        for (line, bytes) in lines {
            records.push(canonical::<FrameRecord>(line, bytes)?);
        }
        let found = records.len() as u64;
        let payload = usize::try_from(header.payload).unwrap_or(usize::MAX);
        if header.payload.checked_add(header.index) != Some(found) || payload > records.len() {
            return Err(FrameTableError::Count {
                payload: header.payload,
                index: header.index,
                found,
            });
        }
        let (payload, index) = records.split_at(payload);
        Ok(Self {
            payload: place(payload, 2, cut::PAYLOAD)?,
            index: place(index, 2 + header.payload, cut::INDEX)?,
        })
    }
}

/// Writes the one possible text.
pub(crate) fn to_bytes(payload: &[FrameRecord], index: &[FrameRecord]) -> Vec<u8> {
    let header = FrameTableHeader {
        format: ReleaseDocument::FORMAT,
        payload: payload.len() as u64,
        index: index.len() as u64,
    };
    let mut text = Vec::new();
    write_line(&header, &mut text);
    for record in payload.iter().chain(index) {
        write_line(record, &mut text);
    }
    text
}

/// Returns the record of a frame that was just made.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn record(content: &[u8], compressed: &[u8]) -> FrameRecord {
    use bulla_schemas::Digest;
    FrameRecord {
        compressed_size: compressed.len() as u64,
        size: content.len() as u64,
        compressed_digest: Digest::of(compressed),
        digest: Digest::of(content),
    }
}

fn read_header(line: u64, bytes: &[u8]) -> Result<FrameTableHeader, FrameTableError> {
    let header: FrameTableHeader = canonical(line, bytes)?;
    if header.format == ReleaseDocument::FORMAT {
        Ok(header)
    } else {
        Err(FrameTableError::Format {
            found: header.format,
        })
    }
}

fn canonical<T: Serialize + DeserializeOwned>(
    line: u64,
    bytes: &[u8],
) -> Result<T, FrameTableError> {
    let value: T =
        serde_json::from_slice(bytes).map_err(|source| FrameTableError::Line { line, source })?;
    let mut text = Vec::with_capacity(bytes.len() + 1);
    write_line(&value, &mut text);
    if text.strip_suffix(b"\n") == Some(bytes) {
        Ok(value)
    } else {
        Err(FrameTableError::NotCanonical { line })
    }
}

fn write_line<T: Serialize>(value: &T, text: &mut Vec<u8>) {
    // Infallible: numbers and hex digits into memory.
    let _ = serde_json::to_writer(&mut *text, value);
    text.push(b'\n');
}

/// Gives each frame its offsets, and refuses sizes that cutting and compressing cannot give.
fn place(
    records: &[FrameRecord],
    first_line: u64,
    sizes: Sizes,
) -> Result<Vec<Frame>, FrameTableError> {
    let (mut compressed_offset, mut offset) = (0, 0);
    let mut frames = Vec::with_capacity(records.len());
    for (position, record) in records.iter().enumerate() {
        let line = first_line + position as u64;
        let is_last = position + 1 == records.len();
        check_sizes(record, line, is_last, sizes)?;
        frames.push(Frame {
            record: *record,
            compressed_offset,
            offset,
        });
        // No overflow: a frame has a few MiB, and a table of 2^40 lines is no one's.
        compressed_offset += record.compressed_size;
        offset += record.size;
    }
    Ok(frames)
}

fn check_sizes(
    record: &FrameRecord,
    line: u64,
    is_last: bool,
    sizes: Sizes,
) -> Result<(), FrameTableError> {
    let size = record.size;
    let minimum = if is_last { 1 } else { sizes.minimum as u64 };
    if size < minimum || size > sizes.maximum as u64 {
        return Err(FrameTableError::ImpossibleSize { line, size });
    }
    let bound = zstd::zstd_safe::compress_bound(usize::try_from(size).unwrap_or(usize::MAX));
    if record.compressed_size == 0 || record.compressed_size > bound as u64 {
        return Err(FrameTableError::ImpossibleCompressedSize {
            line,
            size,
            compressed_size: record.compressed_size,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;

    use super::*;

    fn sample(size: u64) -> FrameRecord {
        FrameRecord {
            compressed_size: 50,
            size,
            compressed_digest: Digest::of(b"compressed"),
            digest: Digest::of(b"content"),
        }
    }

    #[test]
    fn offsets_are_prefix_sums() {
        let text = to_bytes(&[sample(200_000), sample(300_000)], &[sample(7)]);
        let table = FrameTable::from_bytes(&text).unwrap();
        let offsets: Vec<_> = table
            .payload
            .iter()
            .chain(&table.index)
            .map(|frame| (frame.compressed_offset, frame.offset))
            .collect();
        assert_eq!(offsets, [(0, 0), (50, 200_000), (0, 0)]);
    }

    #[test]
    fn refuses_other_texts_counts_and_sizes() {
        let good = String::from_utf8(to_bytes(&[sample(200_000)], &[sample(7)])).unwrap();
        let read = |text: &str| FrameTable::from_bytes(text.as_bytes());
        assert!(read(&good).is_ok());
        assert!(matches!(
            read(good.trim_end()),
            Err(FrameTableError::Unterminated)
        ));
        assert!(matches!(read(""), Err(FrameTableError::Unterminated)));
        assert!(matches!(
            read("\n"),
            Err(FrameTableError::Line { line: 1, .. })
        ));
        assert!(matches!(
            read(&good.replace(":7,", ": 7,")),
            Err(FrameTableError::NotCanonical { line: 3 })
        ));
        assert!(matches!(
            read(&good.replace("\"format\":1", "\"format\":2")),
            Err(FrameTableError::Format { found: 2 })
        ));
        for counts in [
            "\"payload\":2,\"index\":1",
            "\"payload\":3,\"index\":0",
            "\"payload\":18446744073709551615,\"index\":3",
        ] {
            assert!(matches!(
                read(&good.replace("\"payload\":1,\"index\":1", counts)),
                Err(FrameTableError::Count { .. })
            ));
        }
        for (from, to) in [
            (":7,", ":0,"),
            (":7,", ":131073,"),
            (":200000,", ":2097153,"),
        ] {
            assert!(matches!(
                read(&good.replace(from, to)),
                Err(FrameTableError::ImpossibleSize { .. })
            ));
        }
        let short_in_the_middle = to_bytes(&[sample(131_071), sample(7)], &[sample(7)]);
        assert!(matches!(
            FrameTable::from_bytes(&short_in_the_middle),
            Err(FrameTableError::ImpossibleSize { line: 2, .. })
        ));
        assert!(matches!(
            read(&good.replace("\"c\":50,\"u\":7", "\"c\":1000,\"u\":7")),
            Err(FrameTableError::ImpossibleCompressedSize { line: 3, .. })
        ));
    }
}
