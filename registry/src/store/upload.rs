//! One blob that is being received, hashed and cut while it comes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::thread::{Builder, JoinHandle};

use bulla_bundle::Cutter;
use bulla_files::{Attempt as _, FileError};
use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;
use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};
use uuid::Uuid;

use super::error::StoreError;
use crate::frames::PackId;
use crate::oci::digest::{Algorithm, OciDigest};

/// How many bytes are received before the disk is to write them.
const WRITEBACK: u64 = 16 << 20;

/// One upload, held by one request at a time.
#[derive(Debug)]
pub(crate) struct Upload {
    id: Uuid,
    file: File,
    /// Removes the file when the upload ends without becoming a blob.
    path: TempPath,
    cutter: Cutter,
    writeback: Writeback,
    is_closed: bool,
}

/// Has the disk write what was received while more is received, so that little is left for the end.
#[derive(Debug, Default)]
struct Writeback {
    /// How many bytes were received when it was last begun.
    begun_at: u64,
    under_way: Option<JoinHandle<io::Result<()>>>,
}

impl Upload {
    /// Begins with an empty file in `directory`.
    pub(super) fn create(directory: &Path, id: Uuid) -> Result<Self, FileError> {
        let path = &directory.join(id.to_string());
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(path)
            .attempt("create", path)?;
        Ok(Self {
            id,
            file,
            path: TempPath::try_from_path(path).attempt("find", path)?,
            cutter: Cutter::new(),
            writeback: Writeback::default(),
            is_closed: false,
        })
    }

    /// Returns how many bytes were received.
    pub(crate) fn received(&self) -> u64 {
        self.cutter.received()
    }

    /// Takes no more bytes, and no other request: its file is about to become content, which nobody
    /// may write to.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Tells whether it became content, or was to.
    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, chunks: &[Bytes]) -> Result<(), FileError> {
        for chunk in chunks {
            let written = self.file.write_all(chunk);
            if let Err(error) = written {
                // What was half written must not count: the next chunk goes to the same place.
                let received = self.received();
                let rewound = self
                    .file
                    .set_len(received)
                    .and_then(|()| self.file.seek(SeekFrom::Start(received)).map(drop));
                return Err(rewound.err().unwrap_or(error)).attempt("write", &self.path);
            }
            self.cutter.push(chunk);
        }
        let received = self.received();
        let written = self.writeback.go_on(&self.file, received);
        written.attempt("write", &self.path)
    }

    /// Checks that the upload is complete, which it is with the digest that the client named.
    pub(crate) fn check(&mut self, expected: &OciDigest) -> Result<(), StoreError> {
        let found = match expected.algorithm() {
            Algorithm::Sha256 => self.cutter.digest().into(),
            // Few clients use it and none says so before the end, so the file is read again.
            Algorithm::Sha512 => {
                let read = |file: &mut File| {
                    file.seek(SeekFrom::Start(0))?;
                    OciDigest::read(Algorithm::Sha512, file)
                };
                read(&mut self.file).attempt("read", &self.path)?
            }
        };
        if found != *expected {
            return Err(StoreError::Digest {
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
        Ok(())
    }

    /// Returns the frames of what was received; none where it is better kept whole.
    pub(crate) fn frames(&self) -> Vec<BlobFrame> {
        self.cutter.frames()
    }

    /// Returns every frame that was received, and where in the upload it begins.
    pub(crate) fn received_frames(&self) -> HashMap<Digest, (u64, BlobFrame)> {
        let mut first = 0;
        let mut received = HashMap::new();
        for frame in self.cutter.all_frames() {
            received.insert(frame.digest, (first, frame));
            first += frame.size;
        }
        received
    }

    /// Opens some of the bytes for reading.
    pub(super) fn open(&mut self, first: u64, length: u64) -> io::Result<impl Read> {
        self.file.seek(SeekFrom::Start(first))?;
        Ok(Read::by_ref(&mut self.file).take(length))
    }

    /// The name of the pack that the upload, or some of it, may become.
    pub(super) fn pack(&self) -> PackId {
        self.id.into()
    }

    /// Writes all that was received to the disk, and returns the file. Whoever makes it an object
    /// takes it away from here.
    pub(super) fn synced(&mut self) -> Result<&Path, FileError> {
        self.writeback.end().attempt("write", &self.path)?;
        self.file.sync_all().attempt("sync", &self.path)?;
        Ok(&self.path)
    }

    /// Makes a file of some of the bytes, from where to how many, durable and of its own.
    pub(super) fn extract(&mut self, ranges: &[(u64, u64)]) -> Result<TempPath, FileError> {
        let directory = self.path.parent().unwrap_or(&self.path).to_owned();
        let extract = NamedTempFile::new_in(&directory).attempt("create a file in", &directory)?;
        let mut copy = |mut to: &File| {
            for (first, length) in ranges {
                if io::copy(&mut self.open(*first, *length)?, &mut to)? != *length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            to.sync_all()
        };
        copy(extract.as_file()).attempt("write", extract.path())?;
        Ok(extract.into_temp_path())
    }
}

impl Writeback {
    /// Begins another time when enough has come since the last.
    fn go_on(&mut self, file: &File, received: u64) -> io::Result<()> {
        if received - self.begun_at < WRITEBACK {
            return Ok(());
        }
        if let Some(under_way) = &self.under_way
            && !under_way.is_finished()
        {
            return Ok(());
        }
        self.end()?;
        let file = file.try_clone()?;
        self.begun_at = received;
        let thread = Builder::new().name("writeback".to_owned());
        self.under_way = Some(thread.spawn(move || file.sync_data())?);
        Ok(())
    }

    /// Waits for it. An error of the disk is told once, so it must not be lost here.
    fn end(&mut self) -> io::Result<()> {
        match self.under_way.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written,
            Some(Err(_)) => Err(io::Error::other("a thread panicked")),
        }
    }
}
