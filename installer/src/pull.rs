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
mod payload;
mod spool;

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle, VerifiedManifest};
use bulla_registry_client::Client;
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::release::ReleaseDocument;
use bulla_schemas::{Digest, ProjectName};

use crate::error::Error;
use crate::layout::Server;

pub(crate) use payload::{Download, Downloaded};
pub(crate) use spool::Spool;

/// Fetches everything of a bundle but its payload. `size` is what the release statement says that
/// the whole bundle has; `known` are bundles on this disk, whose indexes may hold the same frames.
pub(crate) async fn pull(
    server: &Server,
    client: &Client,
    project: &ProjectName,
    (hash, size): (Digest, u64),
    known: &[Digest],
) -> Result<VerifiedBundle, Error> {
    let manifest = client.manifest(project, &hash).await?;
    let verified = UnverifiedBundle { hash, manifest }.verify_manifest(&Limits::default())?;
    check_size(&verified, size)?;
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
    let parts = verified.verify_parts(&release, &frames)?;
    if parts.release().project != *project {
        return Err(Error::OtherProject {
            expected: project.clone(),
            found: parts.release().project.clone(),
        });
    }
    let index = index::pull(server, client, project, &parts, known).await?;
    Ok(parts.verify(index)?)
}

/// The log says how large the bundle is; a manifest that names more is another lie to fill disks.
fn check_size(verified: &VerifiedManifest, expected: u64) -> Result<(), Error> {
    let found = verified.manifest().total_size().unwrap_or(u64::MAX);
    if found == expected {
        Ok(())
    } else {
        Err(Error::BundleSize { expected, found })
    }
}

fn bound(descriptor: &Descriptor, what: &'static str, limit: u64) -> Result<(), Error> {
    if descriptor.size <= limit {
        Ok(())
    } else {
        Err(Error::PartSize {
            what,
            limit,
            found: descriptor.size,
        })
    }
}
