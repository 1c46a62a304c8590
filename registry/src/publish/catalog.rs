//! `Catalog`: what each repository has, as content, as records and as the index over both.
//!
//! Writes happen in the order content, record, index, so that a copy of the data directory at any
//! moment is a backup.

use std::sync::Arc;

use bulla_files::SharedLock;
use bulla_schemas::{ProjectName, Timestamp};
use bulla_trust::LogState;

use super::PublishError;
use super::changes::{Adding, Changes};
use super::kept_deltas::KeptDeltas;
use super::mend::Mender;
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::ContentLock;
use crate::database::{Database, IndexedManifest};
use crate::failpoint::failpoint;
use crate::log::{Log, Published};
use crate::oci::digest::OciDigest;
use crate::pattern::ProjectPattern;
use crate::store::Blob;
use crate::store::blobs::BlobStore;
use crate::store::repositories::{ManifestRecord, Repositories};
use crate::turns::Turns;

/// How many requests may read bundles at once, of all and of one token; others wait.
const MOST_READING: usize = 4;
const MOST_READING_OF_TOKEN: usize = 3;
/// How many blobs are put together at once, for all and for one token; others wait. A short list of
/// frames can name many bytes to hash.
const MOST_ASSEMBLING: usize = 4;
const MOST_ASSEMBLING_OF_TOKEN: usize = 3;

/// What the registry holds.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) blobs: BlobStore,
    pub(crate) repositories: Repositories,
    pub(crate) database: Database,
    pub(crate) log: Log,
    /// The repositories whose tags may move and whose content may be deleted.
    pub(super) mutable: Vec<ProjectPattern>,
    /// Held while repositories get something or something is deleted.
    pub(super) changes: Changes,
    /// Held while a tag is looked at and set, so that of two pushes one wins.
    pub(super) tags: tokio::sync::Mutex<()>,
    /// Held while frames of a blob are looked for and stored, so that two pushes of the same store
    /// them once.
    pub(super) packing: Arc<tokio::sync::Mutex<()>>,
    clock: Clock,
    /// Shared while content is stored and named, so that nobody takes it away meanwhile.
    content: ContentLock,
    /// For what turns out to be damaged.
    pub(crate) mender: Mender,
    /// Held while a report is written.
    pub(super) reports: tokio::sync::Mutex<()>,
    /// Held while a proposal is looked at and written.
    pub(super) proposals: tokio::sync::Mutex<()>,
    /// Held while bundles are read: their indexes are in memory meanwhile.
    reading: Arc<Turns>,
    /// Held while a blob is put together from frames.
    pub(crate) assembling: Arc<Turns>,
    pub(super) deltas: KeptDeltas,
}

/// What content is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To say that it is there and how long it is.
    Size,
    /// To send it.
    Bytes,
}

impl Catalog {
    /// Joins the parts.
    pub(crate) fn new(
        blobs: BlobStore,
        repositories: Repositories,
        database: Database,
        log: Log,
        mutable: Vec<ProjectPattern>,
        content: ContentLock,
        clock: Clock,
    ) -> Self {
        let packing = Arc::default();
        let mender = Mender::new(
            blobs.clone(),
            database.clone(),
            Arc::clone(&packing),
            content.clone(),
            clock.clone(),
        );
        Self {
            blobs,
            repositories,
            database,
            log,
            mutable,
            changes: Changes::default(),
            tags: tokio::sync::Mutex::default(),
            packing,
            clock,
            content,
            mender,
            reports: tokio::sync::Mutex::default(),
            proposals: tokio::sync::Mutex::default(),
            reading: Turns::new(MOST_READING, MOST_READING_OF_TOKEN),
            assembling: Turns::new(MOST_ASSEMBLING, MOST_ASSEMBLING_OF_TOKEN),
            deltas: KeptDeltas::new(),
        }
    }

    /// Returns the log as it is published now.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.log.published()
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that somebody who may push is going to rely on a blob or manifest of a repository, if it
    /// is there: it stays for a while then.
    pub(crate) async fn see(&self, project: &ProjectName, digest: &OciDigest) {
        let (database, now) = (&self.database, self.now());
        let seen = async {
            database.see_blob(project, digest, now).await?;
            database.see_manifest(project, digest, now).await
        };
        // On a full disk what is there can be read all the same.
        if let Err(error) = seen.await {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, %digest, "that somebody relies on content was not noted");
        }
    }

    /// Keeps all content where it is, until this is dropped.
    pub(super) async fn keep_content(&self) -> Result<SharedLock, PublishError> {
        let content = self.content.clone();
        Ok(blocking(move || content.share()).await?)
    }

    /// Opens a blob of a repository. Manifests are content too, and some clients fetch them as
    /// blobs.
    pub(crate) async fn blob(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        wanted: Wanted,
    ) -> Result<Option<Blob>, PublishError> {
        if !self.database.has_blob(project, digest).await?
            && self.database.manifest(project, digest).await?.is_none()
        {
            return Ok(None);
        }
        self.open(digest, wanted).await
    }

    /// Tells whether a repository has a blob and it is stored.
    pub(crate) async fn has_blob(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
    ) -> Result<bool, PublishError> {
        let known = self.database.has_blob(project, digest).await?;
        Ok(known && self.size(digest).await?.is_some())
    }

    /// Returns the size of content, whichever repository it belongs to.
    pub(super) async fn size(&self, digest: &OciDigest) -> Result<Option<u64>, PublishError> {
        let (blobs, digest) = (self.blobs.clone(), digest.clone());
        Ok(blocking(move || blobs.size(&digest)).await?)
    }

    /// Gives a repository a blob that is stored.
    pub(super) async fn add_blob(
        &self,
        _: &Adding<'_>,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<(), PublishError> {
        // Also where the index knows of it: it may be of another moment than the records.
        let repositories = self.repositories.clone();
        let (name, digest) = (project.clone(), blob.clone());
        blocking(move || repositories.record_blob(&name, &digest)).await?;
        failpoint!("catalog::blob-recorded");
        if self.database.see_blob(project, blob, self.now()).await? {
            return Ok(());
        }
        self.database.add_blob(project, blob, self.now()).await?;
        failpoint!("catalog::blob-indexed");
        Ok(())
    }

    /// Gives a repository a manifest.
    pub(super) async fn add_manifest(
        &self,
        _: &Adding<'_>,
        project: &ProjectName,
        bytes: Vec<u8>,
        manifest: &IndexedManifest,
    ) -> Result<(), PublishError> {
        let _content = self.keep_content().await?;
        let (blobs, repositories) = (self.blobs.clone(), self.repositories.clone());
        let (name, row) = (project.clone(), manifest.row.clone());
        blocking(move || {
            blobs.put(&row.digest, &bytes)?;
            failpoint!("catalog::manifest-stored");
            let record = ManifestRecord {
                media_type: row.media_type,
            };
            // It is here again, in case it was removed.
            repositories.forget_removal(&name, &row.digest)?;
            repositories.record_manifest(&name, &row.digest, &record)
        })
        .await?;
        failpoint!("catalog::manifest-recorded");
        let now = self.now();
        self.database.add_manifest(project, manifest, now).await?;
        failpoint!("catalog::manifest-indexed");
        Ok(())
    }

    /// Reads bundles for a token where that may block, when it is the token's turn.
    pub(super) async fn reading<T: Send + 'static>(
        &self,
        token: &str,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let turn = self.reading.take(token).await;
        blocking(move || {
            // Also when the client goes away meanwhile, the work goes on to its end.
            let _turn = turn;
            read()
        })
        .await
    }

    /// Opens content, whichever repository it belongs to.
    pub(super) async fn open(
        &self,
        digest: &OciDigest,
        wanted: Wanted,
    ) -> Result<Option<Blob>, PublishError> {
        if let Some(blob) = self.blobs.held(digest) {
            return Ok(Some(blob));
        }
        let (blobs, digest) = (self.blobs.clone(), digest.clone());
        Ok(blocking(move || match wanted {
            Wanted::Size => blobs.open(&digest),
            Wanted::Bytes => blobs.open_to_send(&digest),
        })
        .await?)
    }

    /// Runs `read` on the state of the log that is published now.
    pub(super) fn with_state<T>(&self, read: impl FnOnce(&LogState) -> T) -> T {
        read(&self.published().state)
    }
}
