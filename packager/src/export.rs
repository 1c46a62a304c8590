//! A release as one file: the bundle, and the log that says what it is.

use std::io::{self, BufWriter, Cursor, Read, Seek as _};
use std::path::Path;
use std::sync::Mutex;

use bulla_bundle::{
    BlobSource, BundleFileError, Limits, LogCopy, Part, Progress, VerifiedBundle, VerifyError,
    read_bundle_file, write_bundle_file,
};
use bulla_files::{Attempt as _, Draft, FileError, Readers};
use bulla_registry_client::{Client, ClientError, FollowError, LogFollower};
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, ProjectName};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::bundle_file;
use crate::contents::{self, ContentsError};

/// Pieces of the payload that may wait for the disk.
const WAITING: usize = 16;

/// Why a release cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The release cannot be fetched.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The log cannot be fetched.
    #[error(transparent)]
    Log(#[from] FollowError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was written is not what it must be.
    #[error(transparent)]
    Bundle(#[from] BundleFileError),
}

impl Outcome for ExportError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Contents(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Bundle(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Contents(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Bundle(error) => error.hint(),
        }
    }
}

/// Fetches a release and the log, and writes them to a draft of `output`. The payload is not
/// checked yet: [`verify`] does.
pub async fn export(
    client: &Client,
    log: &LogFollower,
    project: &ProjectName,
    hash: Digest,
    output: &Path,
    progress: &dyn Progress,
) -> Result<Draft, ExportError> {
    let unfetched = |source| ContentsError::Client { hash, source };
    let mut draft = Draft::begin(output, Readers::Umask)?;
    let bundle = contents::fetch(client, project, hash).await?;
    let index = index_blob(client, project, &bundle).await?;
    let (checkpoint, entries) = log.fetch_copy(client).await?;
    let log = LogCopy {
        checkpoint,
        entries,
    };
    let payload = bundle.manifest().payload().clone();
    let mut stream = client
        .blob_stream(project, &payload, 0)
        .await
        .map_err(unfetched)?;
    progress.start(Some(payload.size));
    let (pieces, taken) = mpsc::channel(WAITING);
    // The border between bytes and network: another thread writes.
    let writing = tokio::task::spawn_blocking(move || {
        let blobs = Blobs {
            bundle: &bundle,
            index,
            payload: Mutex::new(Some(taken)),
        };
        let mut file = BufWriter::new(draft.file());
        write_bundle_file(&mut file, bundle.manifest_bytes(), &blobs, Some(&log))?;
        drop(file);
        Ok(draft)
    });
    let mut fetched: Result<(), ClientError> = Ok(());
    loop {
        match stream.next().await {
            Ok(Some(piece)) => {
                progress.advance(piece.len() as u64);
                if pieces.send(piece).await.is_err() {
                    break; // The writer says why.
                }
            }
            Ok(None) => break,
            Err(error) => {
                fetched = Err(error);
                break;
            }
        }
    }
    drop(pieces);
    let written = writing.await.unwrap_or_else(|error| Err(ended(&error)));
    // A payload that broke off is why the file is not complete.
    fetched.map_err(unfetched)?;
    Ok(written?)
}

/// Reads all that was written as a stranger would, and checks every byte.
pub fn verify(draft: &mut Draft, progress: &dyn Progress) -> Result<(), ExportError> {
    let path = draft.path().to_owned();
    let file = draft.file();
    let file = file.rewind().and_then(|()| file.try_clone());
    let file = read_bundle_file(file.attempt("read", path)?, &Limits::default())?;
    Ok(bundle_file::verify(&file, progress)?)
}

/// Fetches the index as it is stored, which only a copy of the bundle needs.
async fn index_blob(
    client: &Client,
    project: &ProjectName,
    bundle: &VerifiedBundle,
) -> Result<Vec<u8>, ContentsError> {
    let hash = bundle.hash();
    let descriptor = bundle.manifest().index();
    let blob = client.blob(project, descriptor).await;
    let blob = blob.map_err(|source| ContentsError::Client { hash, source })?;
    let found = Digest::of(&blob);
    if found == descriptor.digest {
        return Ok(blob);
    }
    Err(ContentsError::Verify {
        hash,
        source: VerifyError::Digest {
            part: Part::Index,
            expected: descriptor.digest,
            found,
        },
    })
}

fn ended(error: &tokio::task::JoinError) -> BundleFileError {
    BundleFileError::Io {
        operation: "write the bundle file",
        source: io::Error::other(error.to_string()),
    }
}

/// The blobs of a release, its payload as it arrives.
struct Blobs<'a> {
    bundle: &'a VerifiedBundle,
    index: Vec<u8>,
    payload: Mutex<Option<mpsc::Receiver<Bytes>>>,
}

impl BlobSource for Blobs<'_> {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        let manifest = self.bundle.manifest();
        let bytes = if descriptor.digest == manifest.config.digest {
            self.bundle.release_bytes()
        } else if descriptor.digest == manifest.frames().digest {
            self.bundle.frames_blob()
        } else if descriptor.digest == manifest.index().digest {
            &self.index
        } else {
            let taken = self.payload.lock().ok().and_then(|mut taken| taken.take());
            let taken = taken.ok_or(io::ErrorKind::NotFound)?;
            let rest = Bytes::new();
            return Ok(Box::new(Arriving { taken, rest }));
        };
        Ok(Box::new(Cursor::new(bytes.to_vec())))
    }
}

/// Reads what arrives.
struct Arriving {
    taken: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.taken.blocking_recv() {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let now = self.rest.split_to(buffer.len().min(self.rest.len()));
        buffer[..now.len()].copy_from_slice(&now);
        Ok(now.len())
    }
}
