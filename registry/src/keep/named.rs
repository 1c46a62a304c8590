//! What the manifests of projects name.

use std::collections::{BTreeMap, BTreeSet};

use bulla_files::FileError;
use bulla_schemas::ProjectName;

use super::documents;
use super::records::Records;
use crate::oci::digest::OciDigest;
use crate::oci::document::Document;
use crate::store::blobs::BlobStore;

/// Returns which blobs the manifests of each project name.
pub(super) fn named(
    blobs: &BlobStore,
    projects: &BTreeMap<ProjectName, Records>,
) -> Result<BTreeSet<(ProjectName, OciDigest)>, FileError> {
    let mut named = BTreeSet::new();
    for (project, records) in projects {
        let manifests = records.manifests.iter();
        for (digest, record) in manifests.filter(|(digest, _)| !records.removed.contains(*digest)) {
            let document = documents::read(blobs, digest, record)?;
            let parts = document.iter().flat_map(Document::blobs);
            named.extend(parts.map(|part| (project.clone(), part.digest().clone())));
        }
    }
    Ok(named)
}
