//! Manifests of another registry with all that they name.

use std::collections::BTreeSet;

use bulla_registry_client::FetchedManifest;
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;

use super::error::Failure;
use super::source::{MIRROR, Source};
use crate::blocking::blocking;
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::OciDigest;
use crate::oci::document::Document;
use crate::publish::PushedAs;

/// How deep indexes may lie in indexes.
const MOST_DEPTH: usize = 4;
/// Most manifests that one reference may lead to.
const MOST_MANIFESTS: usize = 4096;

/// How much is looked at of what is here already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A manifest that is here has its parts.
    Quick,
    /// Parts may have been lost since.
    Full,
}

impl Source<'_> {
    /// Takes over a manifest, and before it what it names. Tells whether anything was missing here.
    pub(crate) async fn take_manifest(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        look: Look,
    ) -> Result<bool, Failure> {
        if look == Look::Quick && self.has_manifest(project, digest).await? {
            return Ok(false);
        }
        let mut seen = BTreeSet::new();
        let mut is_new = false;
        // Those that an index names come before it.
        let mut open = vec![(digest.clone(), 0)];
        while let Some((digest, depth)) = open.pop() {
            let (manifest, is_here) = self.read_manifest(project, &digest).await?;
            let document = Document::read(&manifest.bytes, manifest.media_type.as_deref());
            let document = document.map_err(|error| Failure::Refused(error.to_string()))?;
            if seen.insert(digest.clone()) && !document.manifests().is_empty() {
                let count = seen.len() + open.len() + document.manifests().len();
                if depth == MOST_DEPTH || count > MOST_MANIFESTS {
                    let found = format!("{digest} names more manifests than are taken over");
                    return Err(Failure::Refused(found));
                }
                open.push((digest, depth + 1));
                let parts = document.manifests().iter();
                open.extend(parts.map(|part| (part.digest().clone(), depth + 1)));
                continue;
            }
            let is_missing = self
                .take_parts(project, &digest, &manifest, &document)
                .await?;
            if is_here && !is_missing {
                continue;
            }
            is_new = true;
            let pushed = PushedAs {
                digest: Some(digest),
                tags: Vec::new(),
            };
            let kind = manifest.media_type.as_deref();
            let bytes = manifest.bytes.into();
            let catalog = self.catalog;
            catalog
                .push_manifest(MIRROR, project, pushed, bytes, kind)
                .await?;
        }
        Ok(is_new)
    }

    /// Tells whether a project has a manifest, and it is stored.
    pub(super) async fn has_manifest(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
    ) -> Result<bool, Failure> {
        let row = self.catalog.database.manifest(project, digest).await?;
        Ok(row.is_some())
    }

    /// Returns a manifest that the project has, or else that of the other registry, and which it is.
    async fn read_manifest(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
    ) -> Result<(FetchedManifest, bool), Failure> {
        let row = self.catalog.database.manifest(project, digest).await?;
        if let Some(row) = row {
            let (blobs, name) = (self.catalog.blobs.clone(), digest.clone());
            let bytes = blocking(move || blobs.read(&name, Manifest::MAX_LEN)).await?;
            let media_type = Some(row.media_type.clone());
            if let Some(bytes) = bytes.filter(|bytes| is_right(bytes, digest)) {
                return Ok((FetchedManifest { bytes, media_type }, true));
            }
        }
        let found = self.fetch_manifest(project, &digest.to_string()).await?;
        if is_right(&found.bytes, digest) {
            return Ok((found, false));
        }
        let sentence = format!("expected the manifest {digest}, found other bytes");
        Err(Failure::Refused(sentence))
    }

    /// Fetches a manifest by a tag or a digest.
    pub(super) async fn fetch_manifest(
        &self,
        project: &ProjectName,
        reference: &str,
    ) -> Result<FetchedManifest, Failure> {
        Ok(self.client.any_manifest(project, reference).await?)
    }

    /// Takes over the blobs of a manifest. Tells whether any was missing here.
    async fn take_parts(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        manifest: &FetchedManifest,
        document: &Document,
    ) -> Result<bool, Failure> {
        let mut missing = Vec::new();
        for blob in document.blobs() {
            if !self.has_blob(project, blob).await? {
                missing.push(blob);
            }
        }
        if missing.is_empty() {
            return Ok(false);
        }
        if let Some(hash) = digest.sha256().filter(|_| document.is_bundle()) {
            self.take_bundle(project, hash, &manifest.bytes, &missing)
                .await?;
            return Ok(true);
        }
        for blob in missing {
            self.take_blob(project, blob.digest(), blob.size()).await?;
        }
        Ok(true)
    }

    /// Tells whether a project has a blob; one that others have here becomes the project's.
    async fn has_blob(&self, project: &ProjectName, blob: &Descriptor) -> Result<bool, Failure> {
        let (digest, size) = (blob.digest(), blob.size());
        Ok(self.catalog.share(project, digest, size).await?)
    }
}

pub(super) fn is_right(bytes: &[u8], digest: &OciDigest) -> bool {
    OciDigest::of(digest.algorithm(), bytes) == *digest
}
