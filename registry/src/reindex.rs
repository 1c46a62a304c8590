//! Rebuilds the index from the files: from `repositories/` and the manifests in `blobs/`.

use std::sync::Arc;

use bulla_schemas::ProjectName;
use bulla_trust::tile::FULL;
use bulla_trust::{SignedEnvelope, Statement};

use crate::app::{App, blocking};
use crate::database::{IndexedRecord, ManifestRow};
use crate::log::attach;
use crate::oci::document::Document;
use crate::oci_digest::OciDigest;
use crate::problem::Problem;
use crate::repositories::{ManifestRecord, Record};

/// What the index holds after it was rebuilt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Blobs, counted in each repository that has them.
    pub blobs: u64,
    /// Manifests, counted in the same way.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
}

impl App {
    /// Rebuilds the index. Tokens stay as they are.
    pub async fn reindex(self: &Arc<Self>) -> Result<Indexed, Problem> {
        let app = Arc::clone(self);
        let records = blocking(move || app.records()).await?;
        let mut indexed = Indexed::default();
        for (_, record) in &records {
            match record {
                IndexedRecord::Blob(_) => indexed.blobs += 1,
                IndexedRecord::Manifest(_) => indexed.manifests += 1,
                IndexedRecord::Tag(..) => indexed.tags += 1,
            }
        }
        self.database.replace_index(&records).await?;
        self.attach_from(0).await?;
        Ok(indexed)
    }

    /// Rebuilds an index that is empty beside a folder that is not: a database that was lost.
    pub(crate) async fn reindex_if_lost(self: &Arc<Self>) -> Result<(), Problem> {
        if self.database.has_index().await? || !self.repositories.has_any()? {
            return Ok(());
        }
        let indexed = self.reindex().await?;
        tracing::warn!(
            ?indexed,
            "the index was empty and was rebuilt from the files"
        );
        Ok(())
    }

    /// Attaches what a crash between the log and the referrers left unattached: it can only be
    /// among the newest.
    pub(crate) async fn attach_newest(self: &Arc<Self>) -> Result<(), Problem> {
        let size = self.log.published().state.size();
        self.attach_from(size.saturating_sub(FULL.into())).await
    }

    async fn attach_from(self: &Arc<Self>, first: u64) -> Result<(), Problem> {
        let published = self.log.published();
        let size = published.state.size();
        for index in first / u64::from(FULL)..size.div_ceil(FULL.into()) {
            let files = self.log.files().clone();
            let entries = blocking(move || Ok(files.entries(index, size)?)).await?;
            for entry in entries.unwrap_or_default() {
                let Ok(envelope) = SignedEnvelope::from_bytes(&entry) else {
                    continue;
                };
                if let Ok(Statement::Release(release)) =
                    Statement::parse(envelope.payload_type(), envelope.payload())
                {
                    let policy = published.state.checked_policy();
                    attach(self, policy, &envelope, &release).await?;
                }
            }
        }
        Ok(())
    }

    fn records(&self) -> Result<Vec<(ProjectName, IndexedRecord)>, Problem> {
        let mut records = Vec::new();
        self.repositories.each(&mut |project, record| {
            let record = match record {
                Record::Blob(digest) => Some(IndexedRecord::Blob(digest)),
                Record::Tag(tag, digest) => Some(IndexedRecord::Tag(tag, digest)),
                Record::Manifest(digest, record) => self
                    .manifest_row(digest, &record)?
                    .map(IndexedRecord::Manifest),
            };
            if let Some(record) = record {
                records.push((project.clone(), record));
            } else {
                tracing::warn!(%project, "a record names a manifest that is not here");
            }
            Ok::<_, Problem>(())
        })?;
        Ok(records)
    }

    fn manifest_row(
        &self,
        digest: OciDigest,
        record: &ManifestRecord,
    ) -> Result<Option<ManifestRow>, Problem> {
        let most = bulla_schemas::manifest::Manifest::MAX_LEN;
        let Some(bytes) = self.blobs.read(&digest, most)? else {
            return Ok(None);
        };
        let Ok((document, media_type)) = Document::read(&bytes, Some(&record.media_type)) else {
            return Ok(None);
        };
        Ok(document.row(digest, media_type, bytes.len()).ok())
    }
}
