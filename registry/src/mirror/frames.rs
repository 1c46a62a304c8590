//! Bundles of another registry: of payload and index, only the frames come that are missing here.

use std::collections::HashSet;
use std::ops::Range;

use bulla_bundle::{Limits, Part, UnverifiedBundle, VerifiedParts};
use bulla_registry_client::plan::{Plan, plan};
use bulla_schemas::api::BlobFrame;
use bulla_schemas::manifest::Descriptor as BundleBlob;
use bulla_schemas::{Digest, ProjectName};

use super::error::Failure;
use super::source::Source;
use crate::blocking::blocking;
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::OciDigest;
use crate::publish::blob_frames;

/// Content below this size is stored whole, so no frame of it is here.
const LEAST: u64 = 64 * 1024;
/// Bytes between two missing frames that are fetched too: cheaper than another request.
const GAP: u64 = 32 * 1024;

impl Source<'_> {
    /// Takes over the blobs of a bundle that are missing here: its small documents first, which say
    /// of which frames the others are.
    pub(super) async fn take_bundle(
        &self,
        project: &ProjectName,
        hash: Digest,
        manifest: &[u8],
        missing: &[&Descriptor],
    ) -> Result<(), Failure> {
        let unverified = UnverifiedBundle {
            hash,
            manifest: manifest.to_vec(),
        };
        let refused = |error: bulla_bundle::VerifyError| Failure::Refused(error.to_string());
        let verified = unverified.verify_manifest(&Limits::default());
        let verified = verified.map_err(refused)?;
        let named = verified.manifest().clone();
        let (config, table) = (named.config.digest.into(), named.frames().digest.into());
        let is_document = |digest: &OciDigest| *digest == config || *digest == table;
        for blob in missing.iter().filter(|blob| is_document(blob.digest())) {
            self.take_blob(project, blob.digest(), blob.size()).await?;
        }
        let release = self.read(&named.config).await?;
        let frames = self.read(named.frames()).await?;
        let parts = verified.verify_parts(release, frames).map_err(refused)?;
        for (part, blob) in [
            (Part::Index, named.index()),
            (Part::Payload, named.payload()),
        ] {
            let digest = OciDigest::from(blob.digest);
            if missing.iter().any(|missing| *missing.digest() == digest) {
                self.take_part(project, &parts, part, blob).await?;
            }
        }
        Ok(())
    }

    async fn take_part(
        &self,
        project: &ProjectName,
        parts: &VerifiedParts,
        part: Part,
        blob: &BundleBlob,
    ) -> Result<(), Failure> {
        let digest = blob.digest.into();
        let frames = blob_frames(parts, part);
        let total: u64 = frames.iter().map(|frame| frame.size).sum();
        if blob.size < LEAST || frames.len() < 2 || total != blob.size {
            return self.take_blob(project, &digest, blob.size).await;
        }
        let missing = self.catalog.missing_frames(project, &frames).await?;
        match plan(spans(&frames, &missing), blob.size, GAP) {
            Plan::Whole => self.take_blob(project, &digest, blob.size).await,
            Plan::Runs(runs) => match self.take_frames(project, blob, frames, runs).await {
                // Frames that are here may have turned out damaged: all of it says what is right.
                Err(Failure::Refused(_)) => self.take_blob(project, &digest, blob.size).await,
                taken => taken,
            },
        }
    }

    async fn read(&self, blob: &BundleBlob) -> Result<Vec<u8>, Failure> {
        let (blobs, digest, size) = (self.catalog.blobs.clone(), blob.digest.into(), blob.size);
        let read = blocking(move || blobs.read(&digest, size)).await?;
        read.ok_or_else(|| Failure::Refused(format!("{} is damaged here", blob.digest)))
    }
}

/// Returns where the frames lie that are missing, each once.
fn spans(frames: &[BlobFrame], missing: &[usize]) -> Vec<Range<u64>> {
    let missing: HashSet<usize> = missing.iter().copied().collect();
    let mut sent = HashSet::new();
    let mut first = 0;
    let mut spans = Vec::new();
    for (position, frame) in frames.iter().enumerate() {
        let end = first + frame.size;
        if missing.contains(&position) && sent.insert(frame.digest) {
            spans.push(first..end);
        }
        first = end;
    }
    spans
}
