//! Releases that the log names and that are not here, though no record says that they were removed: what a
//! registry lacks whose log was brought back, or which has lost records and index alike.

use bulla_files::FileError;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;

use super::parts::Parts;
use crate::blocking::blocking;
use crate::data::mirror::MirrorNote;
use crate::error::RegistryError;
use crate::oci::digest::OciDigest;
use crate::store::repositories::RecordKind;

/// Returns these of the projects that are wanted, in the order of the log. What people revoked is not
/// missed, and a mirror has what its origin gives.
pub(super) async fn absent(
    parts: &Parts,
    state: &LogState,
    is_wanted: impl Fn(&ProjectName) -> bool,
) -> Result<Vec<(ProjectName, Digest)>, RegistryError> {
    if MirrorNote::read(parts.data.root())?.is_some() {
        return Ok(Vec::new());
    }
    let named = state.projects().filter(|project| is_wanted(project));
    let named = named.flat_map(|project| {
        let releases = state.releases(project).map(|release| release.hash);
        let missed = releases.filter(move |hash| state.revocation(project, hash).is_none());
        missed.map(move |hash| (project.clone(), hash))
    });
    let (named, repositories) = (named.collect::<Vec<_>>(), parts.repositories.clone());
    let looked = blocking(move || {
        let mut unrecorded = Vec::new();
        for (project, hash) in named {
            let digest = OciDigest::from(hash);
            // A removal is recorded before the record goes.
            if !repositories.has(&project, RecordKind::Manifest, &digest)?
                && repositories.removal(&project, &digest)?.is_none()
            {
                unrecorded.push((project, hash));
            }
        }
        Ok::<_, FileError>(unrecorded)
    });
    let mut absent = Vec::new();
    for (project, hash) in looked.await? {
        // What the index knows of is damage of the records.
        let row = parts.database.manifest(&project, &hash.into()).await?;
        if row.is_none() {
            absent.push((project, hash));
        }
    }
    Ok(absent)
}
