//! What can go wrong when something is published.

use std::sync::Arc;

use bulla_bundle::DeltaError;
use bulla_files::FileError;
use bulla_schemas::{Digest, ProjectName};

use super::admit::AdmitError;
use crate::database::DatabaseError;
use crate::log::LogError;
use crate::oci::document::DocumentError;

/// Why something is not published, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The log did not take the statement.
    #[error(transparent)]
    Log(#[from] Arc<LogError>),
    /// The manifest cannot be read as one.
    #[error("the manifest is not valid")]
    Manifest(#[from] DocumentError),
    /// The content does not have the digest that it was announced with.
    #[error("expected content with digest {expected}, found {found}")]
    Digest {
        /// The digest that was announced.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// The manifest names a part that the repository does not have.
    #[error("the manifest names {digest}, which the repository does not have")]
    PartUnknown {
        /// The blob or manifest.
        digest: String,
    },
    /// A blob is to be put together from a frame that is not there.
    #[error("the repository does not have frame {digest}, and it was not sent")]
    FrameUnknown {
        /// The sha256 of the frame.
        digest: String,
    },
    /// The manifest gives a part another size than it has.
    #[error("the manifest says that {digest} has {expected} bytes; it has {found}")]
    PartSize {
        /// The blob or manifest.
        digest: String,
        /// The size in the manifest.
        expected: u64,
        /// The size of what is stored.
        found: u64,
    },
    /// A part of a bundle was damaged on this registry's disk, and has been moved away.
    #[error("the stored content {digest} was damaged and has been removed")]
    PartDamaged {
        /// The blob.
        digest: String,
    },
    /// A bundle that no installer would accept.
    #[error("the bundle is not admitted")]
    NotAdmitted(#[source] AdmitError),
    /// The tag names another manifest, and the repository is not mutable.
    #[error("the tag `{tag}` already names {digest}; tags do not move here")]
    TagImmutable {
        /// The tag.
        tag: String,
        /// What it names.
        digest: String,
    },
    /// The log names what is to be deleted, or what that is about.
    #[error("the log names {digest}, or the release that it signs, so it stays")]
    InLog {
        /// The manifest.
        digest: String,
    },
    /// A manifest names the blob that is to be deleted.
    #[error("the manifest {manifest} names {digest}, so it stays")]
    BlobInUse {
        /// The blob.
        digest: String,
        /// One of the manifests that name it.
        manifest: String,
    },
    /// An index names the manifest that is to be deleted.
    #[error("the index {index} names {digest}, so it stays")]
    ManifestInUse {
        /// The manifest.
        digest: String,
        /// One of the indexes that name it.
        index: String,
    },
    /// The tag is a channel.
    #[error("`{tag}` is a channel: only a promotion in the log moves it")]
    TagIsChannel {
        /// The tag.
        tag: String,
    },
    /// The statement is about a bundle that was not pushed.
    #[error("`{project}` has no bundle {hash} here; push it first")]
    NoBundle {
        /// The repository.
        project: ProjectName,
        /// The bundle.
        hash: Digest,
    },
    /// The statement gives the bundle another size than it has.
    #[error("expected {expected} as the bundle's size, found {found}")]
    BundleSize {
        /// The size of what is here.
        expected: u64,
        /// The size in the statement.
        found: u64,
    },
    /// So many hosts report that there is no room for another.
    #[error("{most} hosts report here already, and no more may")]
    TooManyHosts {
        /// How many may.
        most: u32,
    },
    /// A copy of what waited for signatures and waits no more.
    #[error(
        "{id} waited for signatures here, and was withdrawn, has expired or has made room for another one"
    )]
    Forgotten {
        /// The sha256 of its payload.
        id: Digest,
    },
    /// The delta that was sent does not lead to the bundle.
    #[error("the delta is refused")]
    Delta(#[from] DeltaError),
    /// Making the delta takes more than one request may cost.
    #[error("the delta takes {work} bytes of work, at most {limit} are done for one")]
    DeltaTooLarge {
        /// How many bytes are decompressed and compressed for it, or would be sent.
        work: u64,
        /// How many may be.
        limit: u64,
    },
    /// What several requests were waiting for.
    #[error(transparent)]
    Shared(Arc<Self>),
    /// A stored bundle is not what it was when it was admitted.
    #[error("the stored bundle {hash} is damaged")]
    Damaged {
        /// The bundle.
        hash: Digest,
        /// How.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PublishError {
    /// Returns what went wrong, also where several requests were waiting for it.
    pub(crate) fn itself(&self) -> &Self {
        match self {
            Self::Shared(error) => error.itself(),
            error => error,
        }
    }

    /// Tells whether the disk or the quota is full.
    pub(crate) fn is_full(&self) -> bool {
        match self.itself() {
            Self::Database(error) => error.is_full(),
            error => error.file_error().is_some_and(FileError::is_full),
        }
    }

    /// Tells whether nothing may be written on the disk.
    pub(crate) fn is_read_only(&self) -> bool {
        let error = self.itself().file_error();
        error.is_some_and(FileError::is_read_only)
    }

    fn file_error(&self) -> Option<&FileError> {
        match self {
            Self::File(error) | Self::NotAdmitted(AdmitError::File(error)) => Some(error),
            Self::Log(error) => match &**error {
                LogError::File(error) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }
}
