//! Writes a `.bulla` file in one pass.

use std::io::{self, BufReader, BufWriter, Read, Write};

use bulla_schemas::Digest;
use bulla_schemas::manifest::{Descriptor, Manifest};

use super::error::BundleFileError;
use super::layout::{
    CHECKPOINT_PATH, INDEX_PATH, LAYOUT, LAYOUT_PATH, LayoutIndex, LogCopy, blob_path, entry_path,
};
use crate::bundle::BlobSource;
use crate::canonical::Header;
use crate::verify::{Part, VerifyError};

/// Bytes that are read and written at once.
const PIECE: usize = 128 * 1024;

/// Writes the one possible file for a bundle and, where it is given, a log. The digests of the
/// blobs are for the reader to check; their sizes must be right.
pub fn write_bundle_file(
    output: &mut dyn Write,
    manifest: &[u8],
    blobs: &dyn BlobSource,
    log: Option<&LogCopy>,
) -> Result<(), BundleFileError> {
    let parsed = Manifest::from_bytes(manifest).map_err(VerifyError::from)?;
    let mut file = Output(tar::Builder::new(BufWriter::with_capacity(PIECE, output)));
    let hash = Digest::of(manifest);
    let index = LayoutIndex::new(hash, manifest.len() as u64);
    file.bytes(LAYOUT_PATH, LAYOUT)?;
    file.bytes(INDEX_PATH, &index.to_bytes())?;
    if let Some(log) = log {
        file.bytes(CHECKPOINT_PATH, &log.checkpoint)?;
        for (position, entry) in log.entries.iter().enumerate() {
            file.bytes(&entry_path(position), entry)?;
        }
    }
    file.bytes(&blob_path(hash), manifest)?;
    for (part, descriptor) in [
        (Part::Release, &parsed.config),
        (Part::Frames, parsed.frames()),
        (Part::Index, parsed.index()),
        (Part::Payload, parsed.payload()),
    ] {
        file.blob(part, descriptor, blobs)?;
    }
    file.finish()
}

struct Output<'a>(tar::Builder<BufWriter<&'a mut dyn Write>>);

impl Output<'_> {
    fn bytes(&mut self, path: &str, mut content: &[u8]) -> Result<(), BundleFileError> {
        Header::file(path, false, content.len() as u64)
            .append(&mut self.0, &mut content)
            .map_err(write_error)
    }

    fn blob(
        &mut self,
        part: Part,
        descriptor: &Descriptor,
        blobs: &dyn BlobSource,
    ) -> Result<(), BundleFileError> {
        let expected = descriptor.size;
        let reader = blobs.open(descriptor).map_err(read_error)?;
        // One byte more than announced is enough to find a lie.
        let reader = BufReader::with_capacity(PIECE, reader.take(expected.saturating_add(1)));
        let mut blob = Counted {
            reader,
            read: 0,
            failed: false,
        };
        Header::file(&blob_path(descriptor.digest), false, expected)
            .append(&mut self.0, &mut blob)
            .map_err(|error| {
                if blob.failed {
                    read_error(error)
                } else {
                    write_error(error)
                }
            })?;
        if blob.read == expected {
            return Ok(());
        }
        Err(BundleFileError::BlobSize {
            part,
            expected,
            found: blob.read,
        })
    }

    fn finish(self) -> Result<(), BundleFileError> {
        let mut output = self.0.into_inner().map_err(write_error)?;
        output.flush().map_err(write_error)
    }
}

/// Counts what is read, and remembers whether reading failed: the error of a copy does not tell
/// which side it came from.
struct Counted<R> {
    reader: R,
    read: u64,
    failed: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        match &read {
            Ok(len) => self.read += *len as u64,
            Err(error) => self.failed = error.kind() != io::ErrorKind::Interrupted,
        }
        read
    }
}

fn write_error(source: io::Error) -> BundleFileError {
    BundleFileError::Io {
        operation: "write the bundle file",
        source,
    }
}

fn read_error(source: io::Error) -> BundleFileError {
    BundleFileError::Io {
        operation: "read a blob of the bundle",
        source,
    }
}
