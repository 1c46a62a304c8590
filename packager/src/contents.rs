//! What is in a release, verified from its hash on, without the payload: the manifest, the
//! release document and the index are fetched. [`Files`] has the bytes of single files.

mod files;
mod index;

use std::io;
use std::path::PathBuf;

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle, VerifyError};
use bulla_registry_client::{Client, ClientError};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, EntryPath, ProjectName};

use self::index::IndexError;

pub use files::Files;

/// Why the contents of a release cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// The registry does not give them.
    #[error("cannot fetch {hash}")]
    Client {
        /// The release.
        hash: Digest,
        /// The reason.
        #[source]
        source: ClientError,
    },
    /// What the registry gives is not what the hash names.
    #[error("refusing what the registry sent for {hash}")]
    Verify {
        /// The release.
        hash: Digest,
        /// The reason.
        #[source]
        source: VerifyError,
    },
    /// A file is not what the index says, although every frame is what the frame table says.
    #[error("expected `{path}` to be {expected}, found {found}")]
    Content {
        /// The file.
        path: EntryPath,
        /// What the index says.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// Frames cannot be kept meanwhile.
    #[error("cannot keep frames in a temporary file in `{}`", .directory.display())]
    Spool {
        /// The directory.
        directory: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Frames that are here cannot be read.
    #[error("cannot read the frames that hold `{path}`")]
    Read {
        /// The file.
        path: EntryPath,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

impl Outcome for ContentsError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Client { source, .. } => source.kind(),
            Self::Verify { .. } | Self::Content { .. } => FailureKind::Refused,
            Self::Spool { .. } | Self::Read { .. } => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Client { source, .. } => source.hint(),
            Self::Verify { .. } => Some("tell the registry's operator".to_owned()),
            Self::Content { .. } => Some("the bundle contradicts itself: do not use it".to_owned()),
            Self::Spool { .. } => Some("name another directory in TMPDIR".to_owned()),
            Self::Read { .. } => None,
        }
    }
}

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
    let parts = manifest.verify_parts(&release, &frames).map_err(refused)?;
    let index = index::fetch(client, project, &parts, beside).await;
    let index = index.map_err(|error| match error {
        IndexError::Client(source) => unfetched(source),
        IndexError::Verify(source) => refused(source),
    })?;
    parts.verify(index).map_err(refused)
}
