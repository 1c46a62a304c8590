//! The arrow from a bundle to a registry: what is missing there is sent, the manifest last.

mod delta;
mod parts;

use std::io::Read;
use std::sync::Arc;

use bulla_bundle::{Bundle, BundleFile, Progress};
use bulla_registry_client::{Client, ClientError, Pushed};
use bulla_schemas::media_type;

pub use self::delta::Known;
use self::parts::Parts;
use crate::counted::Counted;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushReport {
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that the registry had already.
    pub present: u64,
}

/// Stores a bundle in the registry, under its project and its hash. A bundle that is there
/// already costs a request for each of its parts.
///
/// With what is known of earlier packs, changes are sent as a delta where the registry takes one.
pub async fn push(
    client: &Client,
    bundle: &Bundle,
    known: Option<Known<'_>>,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<PushReport, ClientError> {
    let parts = Parts {
        project: &bundle.release().project,
        hash: bundle.hash(),
        manifest: bundle.manifest(),
        manifest_bytes: bundle.manifest_bytes(),
        blobs: bundle,
    };
    push_parts(client, &parts, known, progress).await
}

/// Stores the bundle in a bundle file in the registry, as [`push`] does.
pub async fn push_file(
    client: &Client,
    file: &BundleFile,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<PushReport, ClientError> {
    let bundle = file.bundle();
    let parts = Parts {
        project: &bundle.release().project,
        hash: bundle.hash(),
        manifest: bundle.manifest(),
        manifest_bytes: bundle.manifest_bytes(),
        blobs: file,
    };
    push_parts(client, &parts, None, progress).await
}

async fn push_parts(
    client: &Client,
    parts: &Parts<'_>,
    known: Option<Known<'_>>,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<PushReport, ClientError> {
    let Parts { project, hash, .. } = parts;
    let [payload, index, frames] = &parts.manifest.layers;
    let descriptors = [&parts.manifest.config, payload, index, frames];
    let blobs: u64 = descriptors.iter().map(|descriptor| descriptor.size).sum();
    let total = blobs + parts.manifest_bytes.len() as u64;
    let mut report = PushReport {
        sent: 0,
        present: 0,
    };
    // A manifest stays where parts of it were found damaged: they are asked for too.
    if client.manifest_exists(project, hash).await?
        && client
            .find_missing_part(project, parts.manifest)
            .await?
            .is_none()
    {
        report.present = total;
        return Ok(report);
    }
    progress.start(Some(total));
    // All blobs are there then.
    let by_delta = match known {
        Some(known) => delta::send(client, parts, known).await.unwrap_or(0),
        None => 0,
    };
    for descriptor in descriptors {
        let open = || {
            let reader = parts.blobs.open(descriptor)?;
            let progress = Arc::clone(&progress);
            let told = move |bytes| progress.advance(bytes);
            Ok(Box::new(Counted { reader, told }) as Box<dyn Read + Send>)
        };
        // Nothing is told of the cut: it reads once more than is sent.
        let cut = || bulla_bundle::cut_frames(parts.blobs.open(descriptor)?);
        match client.push_frames(project, descriptor, cut, open).await? {
            Pushed::Sent => report.sent += descriptor.size,
            Pushed::Frames { sent } => {
                report.sent += sent;
                report.present += descriptor.size - sent;
            }
            Pushed::Present => {
                progress.advance(descriptor.size);
                report.present += descriptor.size;
            }
        }
    }
    client
        .push_manifest(
            project,
            &hash.to_string(),
            media_type::OCI_MANIFEST,
            parts.manifest_bytes,
        )
        .await?;
    report.sent += parts.manifest_bytes.len() as u64 + by_delta;
    report.present = report.present.saturating_sub(by_delta);
    Ok(report)
}
