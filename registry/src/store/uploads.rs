//! Blobs that are being received: `uploads/<id>`, hashed while they come.
//!
//! An upload lives in this process: a restart forgets it and sweeps the folder, and the client
//! begins anew. It survives errors of its client (a chunk out of order, a lost connection) and ends
//! when it is finished, cancelled, or not used for an hour.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bulla_schemas::ProjectName;
use bytes::Bytes;
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempPath;
use tokio::sync::OwnedMutexGuard;

use super::blobs::BlobStore;
use super::error::StoreError;
use bulla_files::{Attempt as _, FileError, create_directory};

use crate::oci::digest::{Algorithm, OciDigest};

/// How long an upload may rest.
const PATIENCE: Duration = Duration::from_hours(1);

/// All uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    directory: PathBuf,
    most: usize,
    sessions: Mutex<HashMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    project: ProjectName,
    used: Instant,
    upload: Arc<tokio::sync::Mutex<Upload>>,
}

/// One upload, held by one request at a time.
#[derive(Debug)]
pub(crate) struct Upload {
    file: File,
    /// Removes the file when the upload ends without becoming a blob.
    path: TempPath,
    received: u64,
    sha256: Sha256,
}

impl Uploads {
    /// Sweeps the folder, and takes at most `most` uploads at once.
    pub(crate) fn open(directory: PathBuf, most: usize) -> Result<Self, FileError> {
        create_directory(&directory)?;
        for entry in std::fs::read_dir(&directory).attempt("read", &directory)? {
            let path = entry.attempt("read", &directory)?.path();
            std::fs::remove_file(&path).attempt("remove", &path)?;
        }
        Ok(Self {
            directory,
            most,
            sessions: Mutex::default(),
        })
    }

    /// Begins an upload and returns its id, a UUID.
    pub(crate) fn begin(&self, project: &ProjectName) -> Result<String, StoreError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| !session.is_stale());
        if sessions.len() >= self.most {
            return Err(StoreError::TooManyUploads);
        }
        let id = uuid().map_err(StoreError::Random)?;
        let session = Session {
            project: project.clone(),
            used: Instant::now(),
            upload: Arc::new(tokio::sync::Mutex::new(Upload::create(
                &self.directory.join(&id),
            )?)),
        };
        sessions.insert(id.clone(), session);
        Ok(id)
    }

    /// Waits until no other request holds the upload, and holds it.
    pub(crate) async fn hold(
        &self,
        project: &ProjectName,
        id: &str,
    ) -> Result<OwnedMutexGuard<Upload>, StoreError> {
        let upload = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            let session = sessions
                .get_mut(id)
                .filter(|session| session.project == *project && !session.is_stale())
                .ok_or(StoreError::NoSuchUpload)?;
            session.used = Instant::now();
            Arc::clone(&session.upload)
        };
        Ok(upload.lock_owned().await)
    }

    /// Notes that an upload was used until now.
    pub(crate) fn touch(&self, id: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get_mut(id) {
            session.used = Instant::now();
        }
    }

    /// Forgets an upload; its file goes when no request holds it any more.
    pub(crate) fn end(&self, id: &str) {
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
    }
}

impl Session {
    /// An upload that a request holds is in use, however long the request takes.
    fn is_stale(&self) -> bool {
        self.used.elapsed() >= PATIENCE && Arc::strong_count(&self.upload) == 1
    }
}

impl Upload {
    fn create(path: &Path) -> Result<Self, FileError> {
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .attempt("create", path)?;
        Ok(Self {
            file,
            path: TempPath::try_from_path(path).attempt("find", path)?,
            received: 0,
            sha256: Sha256::new(),
        })
    }

    /// Returns how many bytes were received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, chunks: &[Bytes]) -> Result<(), FileError> {
        for chunk in chunks {
            let written = self.file.write_all(chunk);
            if let Err(error) = written {
                // What was half written must not count: the next chunk goes to the same place.
                let rewound = self
                    .file
                    .set_len(self.received)
                    .and_then(|()| self.file.seek(SeekFrom::Start(self.received)).map(|_| ()));
                return Err(rewound.err().unwrap_or(error)).attempt("write", &self.path);
            }
            self.sha256.update(chunk);
            self.received += chunk.len() as u64;
        }
        Ok(())
    }

    /// Makes the upload a blob when it has the digest that the client named. A second call finds
    /// the file gone, so the caller ends the upload after the first that succeeds.
    pub(crate) fn finish(
        &mut self,
        expected: &OciDigest,
        blobs: &BlobStore,
    ) -> Result<(), StoreError> {
        let found = match expected.algorithm() {
            Algorithm::Sha256 => OciDigest::from_sha256(self.sha256.clone().finalize()),
            Algorithm::Sha512 => self.sha512()?,
        };
        if found != *expected {
            return Err(StoreError::Digest {
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
        self.file.sync_all().attempt("sync", &self.path)?;
        blobs.adopt(&self.path, expected)?;
        Ok(())
    }

    /// Few clients use it and none says so before the end, so the file is read again.
    fn sha512(&mut self) -> Result<OciDigest, FileError> {
        let mut hasher = Sha512::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut hash = || {
            self.file.seek(SeekFrom::Start(0))?;
            loop {
                match self.file.read(&mut buffer)? {
                    0 => return Ok(()),
                    length => hasher.update(&buffer[..length]),
                }
            }
        };
        hash().attempt("read", &self.path)?;
        Ok(OciDigest::from_sha512(hasher.finalize()))
    }
}

/// A random UUID, the form that clients expect in an upload's URL.
fn uuid() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string())
}
