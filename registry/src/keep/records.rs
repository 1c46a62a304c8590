//! `Records`: what projects have by their records.

use std::collections::{BTreeMap, BTreeSet};

use bulla_files::FileError;
use bulla_schemas::ProjectName;

use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;
use crate::store::repositories::{ManifestRecord, Record, Repositories};

/// What one project has.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) blobs: BTreeSet<OciDigest>,
    pub(super) manifests: BTreeMap<OciDigest, ManifestRecord>,
    pub(super) tags: BTreeMap<Tag, OciDigest>,
    /// Releases that were removed, or are being removed.
    pub(super) removed: BTreeSet<OciDigest>,
}

/// Reads the records of all projects that `is_wanted`.
pub(super) fn read(
    repositories: &Repositories,
    is_wanted: impl Fn(&ProjectName) -> bool,
) -> Result<BTreeMap<ProjectName, Records>, FileError> {
    let mut projects: BTreeMap<ProjectName, Records> = BTreeMap::new();
    repositories.each(&mut |project, record| {
        if !is_wanted(project) {
            return Ok(());
        }
        let records = projects.entry(project.clone()).or_default();
        match record {
            Record::Blob(digest) => {
                records.blobs.insert(digest);
            }
            Record::Manifest(digest, record) => {
                records.manifests.insert(digest, record);
            }
            Record::Tag(tag, digest) => {
                records.tags.insert(tag, digest);
            }
            Record::Removed(digest) => {
                records.removed.insert(digest);
            }
        }
        Ok::<_, FileError>(())
    })?;
    Ok(projects)
}
