//! A backup: the data directory of a running registry in another folder, which is a data directory
//! too.
//!
//! ```text
//! database ─▶ log, content, records, checkpoint ─▶ the index of the copied database made what these
//! records say ─▶ database in its place ─▶ `backup.json` says since when all of that is complete
//! ```
//!
//! Whatever ends it, the folder has what it had before and some of what is new. Removals wait
//! meanwhile; pushes and promotions go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bulla_bundle::Progress;
use bulla_schemas::report::{BackupReport, MissingContent};
use bulla_schemas::{ProjectName, Timestamp};

use super::parts::Parts;
use super::place::Place;
use super::records::{self, Records};
use super::settle::settle;
use super::transfer::{Transferred, transfer};
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::backup::BackupNote;
use crate::data::{DataDirectory, DataError};
use crate::database::Database;
use crate::error::{RegistryError, on};
use crate::failpoint::failpoint;
use crate::objects::Copying;
use crate::oci::digest::OciDigest;
use crate::store::RecordKeys;
use crate::store::repositories::Repositories;
use crate::store::space::Disk;

/// What others who wait for a lock are told.
const COMMAND: &str = "bulla-registry backup";

/// Brings the backup in `to` up to the registry at `root`, or makes a new one.
pub(crate) async fn backup(
    root: &Path,
    to: &Path,
    clock: &Clock,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<BackupReport, RegistryError> {
    let disk = Disk::new(to.to_owned());
    let written = write(root, to, clock, progress).await;
    written.map_err(on(&disk))
}

async fn write(
    root: &Path,
    to: &Path,
    clock: &Clock,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<BackupReport, RegistryError> {
    let here = Disk::new(root.to_owned());
    let parts = Parts::open(root, clock).await.map_err(on(&here))?;
    let now = clock.now();
    let _nothing_is_removed = parts.data.lock_keeping(COMMAND, now)?;
    parts.require_disks().await?;
    require_records(&parts).await?;
    let (target, mut note) = BackupNote::begin(to, parts.data.root())?;
    let _one_at_a_time = target.lock(COMMAND, now)?;

    require_tokens(&parts.database, &target, now).await?;
    let next = target.next_database()?;
    parts.database.copy_to(&next.database()).await?;
    failpoint!("backup::database-copied");
    let known = known(&parts.database).await?;
    parts.database.close().await;
    let (from, place) = (Place::new(&parts.data), Place::new(&target));
    let there = place.clone();
    let transferred =
        blocking(move || transfer(&from, &there, Copying::Linking, known, &*progress));
    let Transferred { entries, copied } = transferred.await?;
    failpoint!("backup::files-taken");

    let repositories = Repositories::new(place.objects.clone());
    let records = blocking(move || records::read(&repositories, |_| true)).await?;
    let database = Database::open(&next, now).await?;
    settle(&database, &place.blobs, &records, now).await?;
    let (tokens, hosts) = database.count_known().await?;
    database.close().await;
    failpoint!("backup::index-settled");
    target.put_database(&next)?;
    failpoint!("backup::database-put");
    note.complete(&target, now)?;

    Ok(BackupReport {
        at: now,
        entries,
        projects: records.len() as u64,
        tokens,
        hosts,
        copied: copied.copied,
        linked: copied.linked,
        removed: copied.removed,
        missing: missing(&records, &copied.missing),
    })
}

/// Refuses to go on where all records are gone.
async fn require_records(parts: &Parts) -> Result<(), RegistryError> {
    let repositories = parts.repositories.clone();
    let has_any = blocking(move || repositories.has_any()).await?;
    if !has_any && parts.database.has_manifests().await? {
        let folder = "repositories/";
        return Err(RegistryError::Away { folder });
    }
    Ok(())
}

/// Refuses to go on where the database is another one than the backup has: that one is the only place
/// where tokens are.
async fn require_tokens(
    database: &Database,
    target: &DataDirectory,
    now: Timestamp,
) -> Result<(), RegistryError> {
    if !bulla_files::has_file(&target.database())? {
        return Ok(());
    }
    let there = Database::open(target, now).await?;
    let tokens = there.tokens().await?;
    there.close().await;
    let known = database.tokens().await?;
    let is_known = |id: &str| known.iter().any(|token| token.id == id);
    if tokens.is_empty() || tokens.iter().any(|token| is_known(&token.id)) {
        return Ok(());
    }
    let path = target.root().to_owned();
    Err(DataError::DatabaseLost { path }.into())
}

/// Returns the records that the index knows of: what is gone without it is lost, and was not removed.
async fn known(database: &Database) -> Result<RecordKeys, RegistryError> {
    let mut known = RecordKeys::default();
    for project in database.indexed_repositories().await? {
        let rows = database.indexed(&project).await?;
        for digest in rows.blobs {
            known.add_blob(&project, digest);
        }
        for digest in rows.manifests {
            known.add_manifest(&project, digest);
        }
        for tag in rows.tags.into_keys() {
            known.add_tag(&project, tag);
        }
    }
    Ok(known)
}

/// Says which projects lack content.
fn missing(
    projects: &BTreeMap<ProjectName, Records>,
    digests: &[OciDigest],
) -> Vec<MissingContent> {
    let mut missing = Vec::new();
    for (project, records) in projects {
        let of_project = digests.iter().filter(|digest| {
            records.blobs.contains(*digest) || records.manifests.contains_key(*digest)
        });
        missing.extend(of_project.map(|digest| MissingContent {
            project: project.clone(),
            digest: digest.to_string(),
        }));
    }
    missing
}
