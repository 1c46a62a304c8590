//! What projects have by their records, and what is not stored of it. Sizes are looked at, and no
//! content is read but manifests.

use std::collections::{BTreeSet, HashMap};

use bulla_files::FileError;
use bulla_schemas::ProjectName;

use super::documents;
use crate::oci::digest::OciDigest;
use crate::store::blobs::BlobStore;
use crate::store::repositories::{Record, Repositories};

/// A blob or a manifest that a project has and that is not stored, or as other bytes or with another size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The project.
    pub project: ProjectName,
    /// The manifest that names it, as every one does that lacks it; none where it is the manifest,
    /// or where none of the project names it.
    pub named_by: Option<String>,
    /// Its digest.
    pub digest: String,
}

/// Looks for what is missing.
pub(super) fn missing(
    repositories: &Repositories,
    blobs: &BlobStore,
) -> Result<BTreeSet<Missing>, FileError> {
    let mut sizes = Sizes {
        blobs,
        known: HashMap::new(),
    };
    let mut missing = BTreeSet::new();
    let mut unnamed = BTreeSet::new();
    let mut named = BTreeSet::new();
    repositories.each(&mut |project, record| {
        let entry = |named_by: Option<&OciDigest>, digest: &OciDigest| Missing {
            project: project.clone(),
            named_by: named_by.map(ToString::to_string),
            digest: digest.to_string(),
        };
        match record {
            Record::Tag(..) | Record::Removed(_) => {}
            Record::Blob(digest) => {
                if sizes.of(&digest)?.is_none() {
                    unnamed.insert(entry(None, &digest));
                }
            }
            Record::Manifest(manifest, record) => {
                let Some(document) = documents::read(blobs, &manifest, &record)? else {
                    missing.insert(entry(None, &manifest));
                    return Ok(());
                };
                for part in document.blobs() {
                    if sizes.of(part.digest())? != Some(part.size()) {
                        missing.insert(entry(Some(&manifest), part.digest()));
                        named.insert(entry(None, part.digest()));
                    }
                }
            }
        }
        Ok::<_, FileError>(())
    })?;
    missing.extend(unnamed.difference(&named).cloned());
    Ok(missing)
}

/// Sizes of blobs: many manifests name the same.
struct Sizes<'a> {
    blobs: &'a BlobStore,
    known: HashMap<OciDigest, Option<u64>>,
}

impl Sizes<'_> {
    fn of(&mut self, digest: &OciDigest) -> Result<Option<u64>, FileError> {
        if let Some(size) = self.known.get(digest) {
            return Ok(*size);
        }
        let size = self.blobs.size(digest)?;
        self.known.insert(digest.clone(), size);
        Ok(size)
    }
}
