//! Fetches what is missing of a bundle, and nothing else: the only part of an install that is
//! async.
//!
//! ```text
//! delta               from a release on this disk: the rest in one answer, or as much as it holds
//! manifest            checked by the hash that the log named
//! release, frames     by the manifest
//! index               in frames; those of an older bundle on this disk are not fetched again
//! payload             only the frames that hold something of which no copy is on this disk
//! ```

mod again;
mod base;
mod delta;
mod index;
pub(crate) mod payload;
pub(crate) mod pieces;
pub(crate) mod spool;

use bulla_bundle::{
    BundleFile, Limits, Part, ReceivedPiece, UnverifiedBundle, VerifiedBundle, VerifiedParts,
};
use bulla_registry_client::Client;
use bulla_schemas::Digest;
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::ReleaseDocument;

pub(crate) use self::again::Again;
use self::base::Base;
use self::delta::Answer;
use self::pieces::Pieces;
use super::error::FetchError;
use crate::observer::Observer;
use crate::site::Site;
use crate::state::bundles;

/// A bundle that was fetched.
pub(crate) struct Pulled {
    pub(crate) bundle: VerifiedBundle,
    /// What came with it of its payload.
    pub(crate) pieces: Pieces,
}

/// Fetches everything of a bundle but its payload, and of that what a delta holds. `total` is what the
/// release statement says that the whole bundle has; `known` are the releases on this disk, the
/// likeliest first: a delta begins with one, and their indexes may hold the same frames.
pub(crate) async fn pull(
    site: &Site,
    client: &Client,
    (hash, total): (Digest, u64),
    known: &[Digest],
    observer: &dyn Observer,
) -> Result<Pulled, FetchError> {
    let project = site.project();
    let base = Base::find(site, known, &hash);
    let answer = match &base {
        Some(base) => delta::ask(client, project, base, hash, observer).await?,
        None => Answer::default(),
    };
    let (parts, pieces) = match answer.delta {
        Some(delta) => (delta.parts, Some(delta.pieces)),
        None => (documents(client, project, (hash, total)).await?, None),
    };
    check_size(parts.manifest(), total)?;
    if parts.release().project != *project {
        return Err(FetchError::OtherProject {
            expected: project.clone(),
            found: parts.release().project.clone(),
        });
    }
    let is_of_index = |piece: &ReceivedPiece| piece.piece().part() == Part::Index;
    let (of_index, of_payload) = pieces.map_or_else(
        || (None, Vec::new()),
        |pieces| {
            let (of_index, of_payload) = pieces.into_iter().partition::<Vec<_>, _>(is_of_index);
            (Some(of_index), of_payload)
        },
    );
    let known = (base.as_ref(), known);
    let index = index::pull(site, client, &parts, known, of_index.as_deref(), observer).await?;
    let bundle = parts.verify(index)?;
    let pieces = match &base {
        Some(base) => Pieces::take(answer.size, of_payload, base, &bundle),
        None => Pieces::default(),
    };
    Ok(Pulled { bundle, pieces })
}

/// Fetches manifest, release document and frame table, one by one.
async fn documents(
    client: &Client,
    project: &ProjectName,
    (hash, total): (Digest, u64),
) -> Result<VerifiedParts, FetchError> {
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
    Ok(verified.verify_parts(release, frames)?)
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
