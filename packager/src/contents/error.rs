//! Why what is in a release cannot be read.

use std::io;
use std::path::PathBuf;

use bulla_bundle::VerifyError;
use bulla_registry_client::ClientError;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, EntryPath};

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
