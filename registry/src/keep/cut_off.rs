//! Records that a crash has cut off from their rows: who pushed them was told nothing yet, and what is
//! recorded counts.

use std::collections::BTreeSet;

use super::named::named;
use super::parts::Parts;
use super::records;
use super::rows::{self, Row, WrongRow};
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::DataDirectory;
use crate::error::RegistryError;
use crate::publish::Catalog;

/// Makes the rows that are missing: of manifests and tags, and of blobs that a manifest names. Others
/// are of a push that was cut short, or of an upkeep that removed their rows.
pub(crate) async fn index_cut_off(
    data: &DataDirectory,
    catalog: &Catalog,
    clock: &Clock,
) -> Result<(), RegistryError> {
    let parts = Parts::of(data, catalog, clock);
    let repositories = parts.repositories.clone();
    let mut projects = blocking(move || records::read(&repositories, |_| true)).await?;
    let mut missing = rows::compare(&parts.database, &projects, |_| true).await?;
    missing.retain(|row| row.is_missing);
    let with_blobs = missing.iter().filter(|row| row.is_missing_blob());
    let with_blobs: BTreeSet<_> = with_blobs.map(|row| row.project.clone()).collect();
    projects.retain(|project, _| with_blobs.contains(project));
    let blobs = parts.blobs.clone();
    let named = blocking(move || named(&blobs, &projects)).await?;
    let is_needed = |row: &WrongRow| match &row.row {
        Row::Blob(digest) => named.contains(&(row.project.clone(), digest.clone())),
        Row::Manifest(..) | Row::Tag(..) => true,
    };
    let mut made = 0_u64;
    for row in missing.iter().filter(|row| is_needed(row)) {
        made += u64::from(rows::repair(&parts, row).await?);
    }
    if made > 0 {
        tracing::warn!(rows = made, "indexed what a crash had cut off");
    }
    Ok(())
}
