//! `Source`: blobs of another registry, on their way into this one.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_bundle::Progress;
use bulla_registry_client::{BlobStream, Client, Ranged};
use bulla_schemas::ProjectName;
use bulla_schemas::api::BlobFrame;
use bulla_schemas::manifest::Descriptor;
use tokio::sync::OwnedMutexGuard;

use super::error::Failure;
use crate::blocking::blocking;
use crate::oci::digest::OciDigest;
use crate::publish::Catalog;
use crate::settings::Settings;
use crate::store::Upload;
use crate::store::uploads::Uploads;

/// Bytes that are collected before they are hashed and written.
const BATCH: usize = 256 * 1024;

/// As whose the work of a mirror counts, where tokens have their turns.
pub(super) const MIRROR: &str = "mirror";

/// Another registry, and where its content goes.
pub(crate) struct Source<'a> {
    pub(crate) client: &'a Client,
    pub(crate) catalog: &'a Catalog,
    pub(crate) uploads: &'a Arc<Uploads>,
    pub(crate) progress: &'a (dyn Progress + Send + Sync),
    received: AtomicU64,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Source")
            .field(self.client.url())
            .finish()
    }
}

impl<'a> Source<'a> {
    /// Takes content from `client`.
    pub(crate) fn new(
        client: &'a Client,
        catalog: &'a Catalog,
        uploads: &'a Arc<Uploads>,
        progress: &'a (dyn Progress + Send + Sync),
    ) -> Self {
        Self {
            client,
            catalog,
            uploads,
            progress,
            received: AtomicU64::new(0),
        }
    }

    /// Returns how many bytes of blobs have come.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Fetches a whole blob, and gives it to the project.
    pub(crate) async fn take_blob(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        size: u64,
    ) -> Result<(), Failure> {
        require_sane(size)?;
        let name = digest.to_string();
        let stream = self.client.any_blob(project, &name, size).await?;
        let (id, upload) = self.begin(project).await?;
        let stored = self.store(project, upload, stream, digest).await;
        self.uploads.end(&id);
        stored
    }

    async fn store(
        &self,
        project: &ProjectName,
        upload: OwnedMutexGuard<Upload>,
        stream: BlobStream,
        digest: &OciDigest,
    ) -> Result<(), Failure> {
        let mut upload = self.receive(upload, stream).await?;
        let expected = digest.clone();
        let upload = blocking(move || upload.check(&expected).map(|()| upload)).await?;
        Ok(self.catalog.store(project, upload, digest).await?)
    }

    /// Fetches those parts of a blob that lie in `runs`, whole frames, and puts the blob together of
    /// them and what the project has.
    pub(super) async fn take_frames(
        &self,
        project: &ProjectName,
        blob: &Descriptor,
        frames: Vec<BlobFrame>,
        runs: Vec<Range<u64>>,
    ) -> Result<(), Failure> {
        let (id, upload) = self.begin(project).await?;
        let assembled = self.assemble(project, upload, blob, frames, runs).await;
        self.uploads.end(&id);
        assembled
    }

    async fn assemble(
        &self,
        project: &ProjectName,
        mut upload: OwnedMutexGuard<Upload>,
        blob: &Descriptor,
        frames: Vec<BlobFrame>,
        runs: Vec<Range<u64>>,
    ) -> Result<(), Failure> {
        for run in runs {
            match self.client.blob_range(project, blob, run).await? {
                Ranged::Part(stream) => upload = self.receive(upload, stream).await?,
                Ranged::Whole(stream) => {
                    upload = self.receive(upload, stream).await?;
                    break;
                }
            }
        }
        let (catalog, digest) = (self.catalog, blob.digest.into());
        catalog
            .assemble(MIRROR, project, upload, frames, &digest)
            .await?;
        Ok(())
    }

    /// Begins an upload, which the caller ends.
    async fn begin(
        &self,
        project: &ProjectName,
    ) -> Result<(String, OwnedMutexGuard<Upload>), Failure> {
        let id = self.uploads.begin(MIRROR, project).await?;
        let upload = self.uploads.hold(project, &id).await?;
        Ok((id, upload))
    }

    async fn receive(
        &self,
        mut upload: OwnedMutexGuard<Upload>,
        mut stream: BlobStream,
    ) -> Result<OwnedMutexGuard<Upload>, Failure> {
        self.uploads.require_room(stream.remaining()).await?;
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while bytes < BATCH
                && let Some(piece) = stream.next().await?
            {
                bytes += piece.len();
                batch.push(piece);
            }
            if batch.is_empty() {
                return Ok(upload);
            }
            upload = self.uploads.append(upload, batch).await?;
            self.received.fetch_add(bytes as u64, Ordering::Relaxed);
            self.progress.advance(bytes as u64);
        }
    }
}

/// Refuses a size that nobody could have pushed.
fn require_sane(size: u64) -> Result<(), Failure> {
    let most = Settings::default().most_blob_bytes;
    if size <= most {
        return Ok(());
    }
    let found = format!("expected a blob of at most {most} bytes, found {size}");
    Err(Failure::Refused(found))
}
