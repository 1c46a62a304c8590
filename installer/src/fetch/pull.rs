//! Fetches what is missing of a bundle, and nothing else: the only part of an install that is
//! async.
//!
//! ```text
//! manifest            checked by the hash that the log named
//! release, frames     by the manifest
//! index               in frames; those of an older bundle on this disk are not fetched again
//! payload             only the frames that hold something of which no copy is on this disk
//! ```

mod index;
pub(crate) mod payload;
pub(crate) mod spool;

use bulla_bundle::{BundleFile, Limits, UnverifiedBundle, VerifiedBundle};
use bulla_registry_client::Client;
use bulla_schemas::Digest;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::ReleaseDocument;

use super::error::FetchError;
use crate::site::Site;
use crate::state::bundles;

/// Fetches everything of a bundle but its payload. `total` is what the release statement says that
/// the whole bundle has; `known` are bundles on this disk, whose indexes may hold the same frames,
/// the likeliest first.
pub(crate) async fn pull(
    site: &Site,
    client: &Client,
    (hash, total): (Digest, u64),
    known: &[Digest],
) -> Result<VerifiedBundle, FetchError> {
    let project = site.project();
    let manifest = client.manifest(project, &hash).await?;
    let verified = UnverifiedBundle { hash, manifest }.verify_manifest(&Limits::default())?;
    check_size(verified.manifest(), total)?;
    let (release, frames) = {
        let manifest = verified.manifest();
        bound(
            &manifest.config,
            "release document",
            ReleaseDocument::MAX_LEN,
        )?;
        tokio::try_join!(
            client.blob(project, &manifest.config),
            client.blob(project, manifest.frames()),
        )?
    };
    let parts = verified.verify_parts(release, frames)?;
    if parts.release().project != *project {
        return Err(FetchError::OtherProject {
            expected: project.clone(),
            found: parts.release().project.clone(),
        });
    }
    let index = index::pull(site, client, &parts, known).await?;
    Ok(parts.verify(index)?)
}

/// Takes everything of a bundle but its payload from a bundle file, and keeps it.
pub(crate) fn take(
    site: &Site,
    file: &BundleFile,
    (hash, total): (Digest, u64),
) -> Result<VerifiedBundle, FetchError> {
    let found = file.bundle();
    let other = || FetchError::OtherBundle {
        expected: hash,
        found: found.hash(),
    };
    if found.hash() != hash {
        return Err(other());
    }
    check_size(found.manifest(), total)?;
    bundles::store(site, found)?;
    bundles::read(site, &hash)?.ok_or_else(other)
}

/// The log says how large the bundle is; a manifest that names more is another lie to fill disks.
fn check_size(manifest: &Manifest, expected: u64) -> Result<(), FetchError> {
    let found = manifest.total_size().unwrap_or(u64::MAX);
    if found == expected {
        Ok(())
    } else {
        Err(FetchError::BundleSize { expected, found })
    }
}

fn bound(descriptor: &Descriptor, what: &'static str, limit: u64) -> Result<(), FetchError> {
    if descriptor.size <= limit {
        Ok(())
    } else {
        Err(FetchError::PartSize {
            what,
            limit,
            found: descriptor.size,
        })
    }
}
