//! Writes a `.bulla` file in one pass.

use std::io::{self, Read, Write};

use bulla_schemas::Digest;
use bulla_schemas::manifest::{Descriptor, Manifest};

use super::{
    BundleFileError, CHECKPOINT_PATH, INDEX_PATH, LAYOUT, LAYOUT_PATH, LayoutIndex, LogCopy,
    blob_path, entry_path,
};
use crate::bundle::BlobSource;
use crate::tar::header::Header;
use crate::tar::{BLOCK, END, padding};
use crate::verify::{Part, VerifyError};

/// Writes the one possible file for a bundle and, where it is given, a log. The digests of the
/// blobs are for the reader to check; their sizes must be right.
pub fn write_bundle_file(
    output: &mut dyn Write,
    manifest: &[u8],
    blobs: &dyn BlobSource,
    log: Option<&LogCopy>,
) -> Result<(), BundleFileError> {
    let parsed = Manifest::from_bytes(manifest).map_err(VerifyError::from)?;
    let mut file = Output(output);
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
    file.write(&END)?;
    file.0.flush().map_err(write_error)
}

struct Output<'a>(&'a mut dyn Write);

impl Output<'_> {
    fn bytes(&mut self, path: &str, content: &[u8]) -> Result<(), BundleFileError> {
        let size = content.len() as u64;
        self.header(path, size)?;
        self.write(content)?;
        self.write(&[0; BLOCK][..padding(size)])
    }

    fn blob(
        &mut self,
        part: Part,
        descriptor: &Descriptor,
        blobs: &dyn BlobSource,
    ) -> Result<(), BundleFileError> {
        let expected = descriptor.size;
        self.header(&blob_path(descriptor.digest), expected)?;
        let reader = blobs.open(descriptor).map_err(read_error)?;
        let found = copy(&mut reader.take(expected.saturating_add(1)), self.0)?;
        if found != expected {
            return Err(BundleFileError::BlobSize {
                part,
                expected,
                found,
            });
        }
        self.write(&[0; BLOCK][..padding(expected)])
    }

    fn header(&mut self, path: &str, size: u64) -> Result<(), BundleFileError> {
        let mut header = Vec::with_capacity(BLOCK);
        Header::file(path, false, size).write(&mut header);
        self.write(&header)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BundleFileError> {
        self.0.write_all(bytes).map_err(write_error)
    }
}

/// Like [`io::copy`], but tells reading from writing when it fails.
fn copy(reader: &mut dyn Read, writer: &mut dyn Write) -> Result<u64, BundleFileError> {
    let mut buffer = vec![0; 128 * 1024];
    let mut copied = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(len) => {
                writer.write_all(&buffer[..len]).map_err(write_error)?;
                copied += len as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error)),
        }
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
