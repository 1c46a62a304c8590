//! Reads a `.bulla` file, with all the checks that a bundle from a registry gets.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bulla_schemas::Digest;
use bulla_schemas::manifest::{Descriptor, Manifest};

use super::{
    BundleFileError, CHECKPOINT_MAX, CHECKPOINT_PATH, ENTRY_MAX, INDEX_PATH, LAYOUT, LAYOUT_PATH,
    LayoutIndex, LogCopy, blob_path, entry_path,
};
use crate::bundle::BlobSource;
use crate::limits::Limits;
use crate::read_at::read_at;
use crate::tar::header::{Header, differing_field};
use crate::tar::{BLOCK, END, padding};
use crate::verify::{UnverifiedBundle, VerifiedBundle, VerifyError};

/// A `.bulla` file whose bundle is verified, but for the frames of the payload.
#[derive(Debug)]
pub struct BundleFile {
    file: Arc<File>,
    bundle: VerifiedBundle,
    index_blob: Vec<u8>,
    log: Option<LogCopy>,
    /// Where the payload begins in the file.
    payload: u64,
}

/// Opens a `.bulla` file: every byte is checked but those inside the payload's frames, which
/// [`BundleFile::read_frame`] and [`BundleFile::verify_payload`] check.
pub fn read_bundle_file(file: File, limits: &Limits) -> Result<BundleFile, BundleFileError> {
    let mut input = Input {
        file: Arc::new(file),
        offset: 0,
    };
    input.known(LAYOUT_PATH, LAYOUT)?;
    let (hash, size) = input.index()?;
    let log = input.log(limits)?;
    Limits::check_document("manifest", Manifest::MAX_LEN, size)?;
    let unverified = UnverifiedBundle {
        hash,
        manifest: input.blob(hash, size)?,
    };
    let manifest = unverified.verify_manifest(limits)?;
    let [payload, index, frames] = manifest.manifest().layers.clone();
    let release = input.descriptor(&manifest.manifest().config.clone())?;
    let frames = input.descriptor(&frames)?;
    let parts = manifest.verify_parts(&release, &frames)?;
    let index_blob = input.descriptor(&index)?;
    let index = parts.decode_index(&index_blob)?;
    let bundle = parts.verify(index)?;
    let start = input.header(&blob_path(payload.digest), payload.size)?;
    let file = BundleFile {
        file: Arc::clone(&input.file),
        bundle,
        index_blob,
        log,
        payload: start,
    };
    file.check_seek_table()?;
    input.end(start + payload.size, &payload)?;
    Ok(file)
}

impl BundleFile {
    /// Returns the bundle.
    pub const fn bundle(&self) -> &VerifiedBundle {
        &self.bundle
    }

    /// Returns the bundle without the file.
    pub fn into_bundle(self) -> VerifiedBundle {
        self.bundle
    }

    /// Returns the log's copy, where the file brings one. Nothing of it is verified.
    pub const fn log(&self) -> Option<&LogCopy> {
        self.log.as_ref()
    }

    /// Returns the compressed index blob.
    pub fn index_blob(&self) -> &[u8] {
        &self.index_blob
    }

    /// Reads one compressed frame of the payload, for [`VerifiedBundle::decode_frame`]. May be
    /// called from several threads at once.
    pub fn read_frame(&self, position: usize) -> io::Result<Vec<u8>> {
        let frames = self.bundle.payload_frames();
        let frame = frames.get(position).ok_or(io::ErrorKind::NotFound)?;
        let start = self.payload + frame.compressed_offset;
        read_range(&self.file, start, frame.record.compressed_size)
    }

    /// Returns a reader of the whole payload.
    pub fn payload(&self) -> Box<dyn Read + Send> {
        let reader = FileReader {
            file: Arc::clone(&self.file),
            position: self.payload,
        };
        Box::new(reader.take(self.bundle.manifest().payload().size))
    }

    /// Checks every byte of the payload.
    pub fn verify_payload(&self) -> Result<(), VerifyError> {
        self.bundle.verify_payload(&mut self.payload())
    }

    fn check_seek_table(&self) -> Result<(), BundleFileError> {
        let expected = self.bundle.seek_table();
        let end = self.payload + self.bundle.manifest().payload().size;
        let found = read_range(
            &self.file,
            end - expected.len() as u64,
            expected.len() as u64,
        )
        .map_err(read_error)?;
        if found == expected {
            Ok(())
        } else {
            Err(VerifyError::SeekTable.into())
        }
    }
}

impl BlobSource for BundleFile {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        let manifest = self.bundle.manifest();
        let digest = descriptor.digest;
        let bytes = if digest == manifest.payload().digest {
            return Ok(self.payload());
        } else if digest == manifest.config.digest {
            self.bundle.release_bytes()
        } else if digest == manifest.frames().digest {
            self.bundle.frames_blob()
        } else if digest == manifest.index().digest {
            &self.index_blob
        } else {
            return Err(io::ErrorKind::NotFound.into());
        };
        Ok(Box::new(io::Cursor::new(bytes.to_vec())))
    }
}

/// The file, read from front to back.
struct Input {
    file: Arc<File>,
    offset: u64,
}

impl Input {
    /// Reads a file whose content is known.
    fn known(&mut self, path: &str, content: &[u8]) -> Result<(), BundleFileError> {
        if self.content(path, content.len() as u64)? == content {
            Ok(())
        } else {
            Err(BundleFileError::Content {
                path: path.to_owned(),
            })
        }
    }

    /// Reads `index.json`, which is as long as its header says, within reason.
    fn index(&mut self) -> Result<(Digest, u64), BundleFileError> {
        let size = self.announced_size()?;
        check_size(INDEX_PATH, 4096, size)?;
        LayoutIndex::from_bytes(&self.content(INDEX_PATH, size)?)
    }

    /// Reads checkpoint and entries, where the next file is the checkpoint.
    fn log(&mut self, limits: &Limits) -> Result<Option<LogCopy>, BundleFileError> {
        if !self.is_next(CHECKPOINT_PATH)? {
            return Ok(None);
        }
        let size = self.announced_size()?;
        check_size(CHECKPOINT_PATH, CHECKPOINT_MAX, size)?;
        let mut log = LogCopy {
            checkpoint: self.content(CHECKPOINT_PATH, size)?,
            entries: Vec::new(),
        };
        let mut total = size;
        loop {
            let path = entry_path(log.entries.len());
            if !self.is_next(&path)? {
                return Ok(Some(log));
            }
            let size = self.announced_size()?;
            check_size(&path, ENTRY_MAX, size)?;
            total += size;
            limits.check_log_size(total)?;
            log.entries.push(self.content(&path, size)?);
        }
    }

    fn descriptor(&mut self, descriptor: &Descriptor) -> Result<Vec<u8>, BundleFileError> {
        self.blob(descriptor.digest, descriptor.size)
    }

    /// Reads a blob; its size was bounded when its descriptor was verified.
    fn blob(&mut self, digest: Digest, size: u64) -> Result<Vec<u8>, BundleFileError> {
        self.content(&blob_path(digest), size)
    }

    /// Reads a file of a known size: header, content and what fills the block.
    fn content(&mut self, path: &str, size: u64) -> Result<Vec<u8>, BundleFileError> {
        let start = self.header(path, size)?;
        let content = read_range(&self.file, start, size).map_err(read_error)?;
        self.offset = start + size;
        self.padding(path, size)?;
        Ok(content)
    }

    /// Reads the one possible header of a file and returns where its content begins.
    fn header(&mut self, path: &str, size: u64) -> Result<u64, BundleFileError> {
        let mut expected = Vec::with_capacity(BLOCK);
        Header::file(path, false, size).write(&mut expected);
        let found =
            read_range(&self.file, self.offset, expected.len() as u64).map_err(read_error)?;
        if found == expected {
            self.offset += expected.len() as u64;
            return Ok(self.offset);
        }
        Err(BundleFileError::Header {
            expected: path.to_owned(),
            offset: self.offset,
            field: differing_field(&expected, &found),
        })
    }

    fn padding(&mut self, path: &str, size: u64) -> Result<(), BundleFileError> {
        let len = padding(size) as u64;
        let found = read_range(&self.file, self.offset, len).map_err(read_error)?;
        if found.iter().any(|byte| *byte != 0) {
            return Err(BundleFileError::Padding {
                path: path.to_owned(),
            });
        }
        self.offset += len;
        Ok(())
    }

    /// Tells whether the next header names `path`, which fits into the field `name`.
    fn is_next(&self, path: &str) -> Result<bool, BundleFileError> {
        let name =
            read_range(&self.file, self.offset, path.len() as u64 + 1).map_err(read_error)?;
        Ok(name.strip_suffix(b"\0") == Some(path.as_bytes()))
    }

    /// Returns the size that the next header announces; the header is compared later.
    fn announced_size(&self) -> Result<u64, BundleFileError> {
        let field = read_range(&self.file, self.offset + 124, 11).map_err(read_error)?;
        let digits = std::str::from_utf8(&field).unwrap_or_default();
        Ok(u64::from_str_radix(digits, 8).unwrap_or(u64::MAX))
    }

    /// Checks what stands behind the payload: zeros, and the end of the file.
    fn end(&mut self, payload_end: u64, payload: &Descriptor) -> Result<(), BundleFileError> {
        self.offset = payload_end;
        self.padding(&blob_path(payload.digest), payload.size)?;
        let end = read_range(&self.file, self.offset, END.len() as u64).map_err(read_error)?;
        let expected = self.offset + END.len() as u64;
        let found = self.file.metadata().map_err(read_error)?.len();
        if end == END && found == expected {
            Ok(())
        } else {
            Err(BundleFileError::End { expected, found })
        }
    }
}

/// Reads the payload without moving a cursor that others share.
#[derive(Debug)]
struct FileReader {
    file: Arc<File>,
    position: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = read_at(&self.file, buffer, self.position)?;
        self.position += len as u64;
        Ok(len)
    }
}

/// Reads exactly these bytes; the buffer grows with what is really there.
fn read_range(file: &Arc<File>, start: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reader = FileReader {
        file: Arc::clone(file),
        position: start,
    };
    reader.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn check_size(path: &str, limit: u64, found: u64) -> Result<(), BundleFileError> {
    if found <= limit {
        return Ok(());
    }
    Err(BundleFileError::TooLarge {
        path: path.to_owned(),
        limit,
        found,
    })
}

fn read_error(source: io::Error) -> BundleFileError {
    if source.kind() == io::ErrorKind::UnexpectedEof {
        return BundleFileError::Truncated;
    }
    BundleFileError::Io {
        operation: "read the bundle file",
        source,
    }
}
