//! Reads a `.bulla` file, with all the checks that a bundle from a registry gets.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bulla_schemas::Digest;
use bulla_schemas::manifest::{Descriptor, Manifest};

use super::error::BundleFileError;
use super::layout::{
    CHECKPOINT_MAX, CHECKPOINT_PATH, ENTRY_MAX, INDEX_PATH, LAYOUT, LAYOUT_PATH, LayoutIndex,
    LogCopy, blob_path, entry_path,
};
use crate::bundle::BlobSource;
use crate::canonical::{END, Header, differing_field, padding};
use crate::limits::Limits;
use crate::read_at::read_at;
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
    let file = Arc::new(file);
    check_beginning(&file)?;
    let mut archive = tar::Archive::new(FileReader {
        file: Arc::clone(&file),
        position: 0,
    });
    // Raw: no header is followed, neither a long name nor a record nor a sparse map.
    let mut input = Input {
        file: &file,
        entries: archive.entries().map_err(read_error)?.raw(true),
        next: None,
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
    let parts = manifest.verify_parts(release, frames)?;
    let index_blob = input.descriptor(&index)?;
    let index = parts.decode_index(&index_blob)?;
    let bundle = parts.verify(index)?;
    let start = input.start(&blob_path(payload.digest), payload.size)?;
    input.end(&payload)?;
    let file = BundleFile {
        file: Arc::clone(&file),
        bundle,
        index_blob,
        log,
        payload: start,
    };
    file.check_seek_table()?;
    Ok(file)
}

impl BundleFile {
    /// Returns the bundle.
    pub const fn bundle(&self) -> &VerifiedBundle {
        &self.bundle
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

/// The archive, read from front to back. Each entry must be the one that is expected, header and
/// all.
struct Input<'a> {
    file: &'a Arc<File>,
    entries: tar::Entries<'a, FileReader>,
    /// The entry that comes next, once it was asked for.
    next: Option<io::Result<tar::Entry<'a, FileReader>>>,
    /// Where it begins.
    offset: u64,
}

impl<'a> Input<'a> {
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
        let size = self.announced_size(INDEX_PATH)?;
        check_size(INDEX_PATH, 4096, size)?;
        LayoutIndex::from_bytes(&self.content(INDEX_PATH, size)?)
    }

    /// Reads checkpoint and entries, where the next file is the checkpoint.
    fn log(&mut self, limits: &Limits) -> Result<Option<LogCopy>, BundleFileError> {
        if !self.is_next(CHECKPOINT_PATH) {
            return Ok(None);
        }
        let size = self.announced_size(CHECKPOINT_PATH)?;
        check_size(CHECKPOINT_PATH, CHECKPOINT_MAX, size)?;
        let mut log = LogCopy {
            checkpoint: self.content(CHECKPOINT_PATH, size)?,
            entries: Vec::new(),
        };
        let mut total = size;
        loop {
            let path = entry_path(log.entries.len());
            if !self.is_next(&path) {
                return Ok(Some(log));
            }
            let size = self.announced_size(&path)?;
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
        let mut entry = self.entry(path, size)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(read_error)?;
        if content.len() as u64 != size {
            return Err(BundleFileError::Truncated);
        }
        self.padding(path, size)?;
        Ok(content)
    }

    /// Returns where the content of a file begins, which is left unread.
    fn start(&mut self, path: &str, size: u64) -> Result<u64, BundleFileError> {
        Ok(self.entry(path, size)?.raw_file_position())
    }

    /// Returns the next entry, which must have the one possible header of a file; the offset then
    /// is where its content ends.
    fn entry(
        &mut self,
        path: &str,
        size: u64,
    ) -> Result<tar::Entry<'a, FileReader>, BundleFileError> {
        let header = Header::file(path, false, size);
        if let Some(records) = header.records() {
            let len = records.len() as u64;
            let mut extended = self.block(path, &Header::extended(len).block())?;
            let mut found = Vec::new();
            extended.read_to_end(&mut found).map_err(read_error)?;
            if found != records {
                return Err(self.other_header(path, "record"));
            }
            self.offset = extended.raw_file_position() + len;
            self.padding(path, len)?;
        }
        let entry = self.block(path, &header.block())?;
        self.offset = entry.raw_file_position() + size;
        Ok(entry)
    }

    /// Returns the next entry, whose header must be this one.
    fn block(
        &mut self,
        path: &str,
        expected: &tar::Header,
    ) -> Result<tar::Entry<'a, FileReader>, BundleFileError> {
        match self.next.take().or_else(|| self.entries.next()) {
            Some(Ok(entry)) if entry.header().as_bytes() == expected.as_bytes() => Ok(entry),
            Some(Err(source)) if source.raw_os_error().is_some() => Err(read_error(source)),
            _ => {
                let found = self.raw_header()?;
                let field = differing_field(expected.as_bytes(), found.as_bytes());
                Err(self.other_header(path, field))
            }
        }
    }

    /// Returns the header of the next entry, unless the archive cannot be read there.
    fn peek(&mut self) -> Option<&tar::Header> {
        let next = self.next.take().or_else(|| self.entries.next())?;
        self.next.insert(next).as_ref().ok().map(tar::Entry::header)
    }

    /// Tells whether the next header names `path`.
    fn is_next(&mut self, path: &str) -> bool {
        self.peek()
            .is_some_and(|header| *header.path_bytes() == *path.as_bytes())
    }

    /// Returns the size that the next header announces; the header is compared later.
    fn announced_size(&mut self, path: &str) -> Result<u64, BundleFileError> {
        let header = match self.peek() {
            Some(header) => header.clone(),
            None => self.raw_header()?,
        };
        let size = header.entry_size();
        size.map_err(|_| self.other_header(path, "size"))
    }

    /// Reads the block at the offset, whatever it is.
    fn raw_header(&self) -> Result<tar::Header, BundleFileError> {
        let mut header = tar::Header::new_old();
        let block = header.as_mut_bytes();
        let found = read_range(self.file, self.offset, block.len() as u64).map_err(read_error)?;
        block.copy_from_slice(&found);
        Ok(header)
    }

    fn other_header(&self, path: &str, field: &'static str) -> BundleFileError {
        BundleFileError::Header {
            expected: path.to_owned(),
            offset: self.offset,
            field,
        }
    }

    /// Expects zeros from the end of a content up to the next block.
    fn padding(&mut self, path: &str, size: u64) -> Result<(), BundleFileError> {
        let len = padding(size) as u64;
        let found = read_range(self.file, self.offset, len).map_err(read_error)?;
        if found.iter().any(|byte| *byte != 0) {
            return Err(BundleFileError::Padding {
                path: path.to_owned(),
            });
        }
        self.offset += len;
        Ok(())
    }

    /// Checks what stands behind the payload: zeros, and the end of the file.
    fn end(mut self, payload: &Descriptor) -> Result<(), BundleFileError> {
        self.padding(&blob_path(payload.digest), payload.size)?;
        let end = read_range(self.file, self.offset, END.len() as u64).map_err(read_error)?;
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

/// Refuses what was never a bundle file: the first header begins with the name of the first file.
fn check_beginning(file: &Arc<File>) -> Result<(), BundleFileError> {
    let mut found = Vec::new();
    let reader = FileReader {
        file: Arc::clone(file),
        position: 0,
    };
    let mut reader = reader.take(LAYOUT_PATH.len() as u64);
    reader.read_to_end(&mut found).map_err(read_error)?;
    if LAYOUT_PATH.as_bytes().starts_with(&found) {
        Ok(())
    } else {
        Err(BundleFileError::NotBundleFile)
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
