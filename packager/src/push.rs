//! The arrow from a bundle to a registry: what is missing there is sent, the manifest last.

use std::io::{self, Read};
use std::sync::Arc;

use bulla_bundle::{Bundle, Progress};
use bulla_registry_client::{Client, ClientError, Pushed};
use bulla_schemas::media_type;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushReport {
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that the registry had already.
    pub present: u64,
}

/// Stores a bundle in the registry, under its project and its hash. A bundle that is there
/// already costs one request.
pub async fn push(
    client: &Client,
    bundle: &Bundle,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<PushReport, ClientError> {
    let project = &bundle.release().project;
    let hash = bundle.hash();
    let mut report = PushReport {
        sent: 0,
        present: 0,
    };
    if client.manifest_exists(project, &hash).await? {
        report.present = bundle.total_size();
        return Ok(report);
    }
    progress.start(Some(bundle.total_size()));
    for blob in bundle.blobs() {
        let descriptor = blob.descriptor();
        let open = || {
            let reader = blob.open()?;
            let progress = Arc::clone(&progress);
            Ok(Box::new(Counted { reader, progress }) as Box<dyn Read + Send>)
        };
        match client.push_blob(project, descriptor, open).await? {
            Pushed::Sent => report.sent += descriptor.size,
            Pushed::Present => {
                progress.advance(descriptor.size);
                report.present += descriptor.size;
            }
        }
    }
    let manifest = bundle.manifest_bytes();
    client
        .push_manifest(
            project,
            &hash.to_string(),
            media_type::OCI_MANIFEST,
            manifest,
        )
        .await?;
    report.sent += manifest.len() as u64;
    Ok(report)
}

/// Tells how many bytes went through.
struct Counted {
    reader: Box<dyn Read + Send>,
    progress: Arc<dyn Progress + Send + Sync>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}
