//! A registry that is made again of a backup or of a snapshot, and looked through before it is used.

use std::path::Path;
use std::sync::Arc;

use bulla_bundle::Progress;
use bulla_schemas::report::RestoreReport;

use super::App;
use crate::clock::Clock;
use crate::data::RESTORE;
use crate::error::{RegistryError, on};
use crate::failpoint::failpoint;
use crate::keep::{self, Asked, fsck};
use crate::store::space::Disk;

/// Restores a registry from `from` into the folder at `root`.
pub(crate) async fn restore(
    root: &Path,
    from: &Path,
    clock: &Clock,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<RestoreReport, RegistryError> {
    let disk = Disk::new(root.to_owned());
    let restored = keep::restore(root, from, clock, Arc::clone(&progress)).await;
    let restored = restored.map_err(on(&disk))?;
    // The files count; the index may be older or newer.
    let app = App::open_to_reindex(root, RESTORE, clock.clone()).await?;
    let indexed = app.reindex().await?;
    let counted = app.catalog.database.count_known().await;
    let (tokens, hosts) = counted.map_err(on(&disk))?;
    app.close().await;
    failpoint!("restore::indexed");
    restored.data.end_restore().map_err(on(&disk))?;
    let looked = fsck(root, Asked::default(), clock, progress).await?;
    Ok(RestoreReport {
        at: restored.at,
        entries: restored.entries,
        manifests: indexed.manifests,
        blobs: indexed.blobs,
        tags: indexed.tags,
        tokens,
        hosts,
        copied: restored.copied,
        damages: looked.damages,
    })
}
