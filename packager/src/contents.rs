//! What is in a release, verified from its hash on, without the payload: the manifest, the
//! release document and the index are fetched. [`Files`] has the bytes of single files.

mod error;
mod files;
mod index;

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle};
use bulla_registry_client::Client;
use bulla_schemas::{Digest, ProjectName};

use self::index::IndexError;

pub use error::ContentsError;
pub use files::Files;

/// Fetches and verifies everything about a release but its payload.
pub async fn fetch(
    client: &Client,
    project: &ProjectName,
    hash: Digest,
) -> Result<VerifiedBundle, ContentsError> {
    fetch_beside(client, project, hash, None).await
}

/// Does what [`fetch`] does, and takes from another release what both have of the index.
pub async fn fetch_beside(
    client: &Client,
    project: &ProjectName,
    hash: Digest,
    beside: Option<&VerifiedBundle>,
) -> Result<VerifiedBundle, ContentsError> {
    let unfetched = |source| ContentsError::Client { hash, source };
    let refused = |source| ContentsError::Verify { hash, source };
    let limits = Limits::default();
    let manifest = client.manifest(project, &hash).await.map_err(unfetched)?;
    let manifest = UnverifiedBundle { hash, manifest }
        .verify_manifest(&limits)
        .map_err(refused)?;
    let parts = manifest.manifest();
    let (release, frames) = tokio::try_join!(
        client.blob(project, &parts.config),
        client.blob(project, parts.frames()),
    )
    .map_err(unfetched)?;
    let parts = manifest.verify_parts(release, frames).map_err(refused)?;
    let index = index::fetch(client, project, &parts, beside).await;
    let index = index.map_err(|error| match error {
        IndexError::Client(source) => unfetched(source),
        IndexError::Verify(source) => refused(source),
    })?;
    parts.verify(index).map_err(refused)
}
