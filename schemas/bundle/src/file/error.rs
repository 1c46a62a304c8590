//! Why a `.bulla` file cannot be written or is refused.

use std::io;

use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::limits::LimitError;
use crate::verify::{Part, VerifyError};

/// Why a `.bulla` file cannot be written or is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFileError {
    /// The bundle in the file is refused.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The file does not begin as a bundle file does.
    #[error("it is not a bundle file")]
    NotBundleFile,
    /// Another tar header than the one that must stand there.
    #[error(
        "expected the file `{expected}` at byte {offset} of the bundle file: `{field}` differs"
    )]
    Header {
        /// The file that must be there.
        expected: String,
        /// Where.
        offset: u64,
        /// The first field of the header that differs.
        field: &'static str,
    },
    /// Another content than the one that must stand there.
    #[error("the file `{path}` in the bundle file is not what it must be")]
    Content {
        /// The file.
        path: String,
    },
    /// An `index.json` that does not name one bundle in canonical form.
    #[error("`index.json` in the bundle file does not name one bundle")]
    Index(#[source] Option<serde_json::Error>),
    /// Bytes that fill a block and are not zeros.
    #[error("bytes are hidden behind `{path}` in the bundle file")]
    Padding {
        /// The file.
        path: String,
    },
    /// The file ends in the middle.
    #[error("the bundle file is cut short")]
    Truncated,
    /// The file does not end behind the payload.
    #[error("the bundle file does not end where it must: expected {expected} bytes, found {found}")]
    End {
        /// How long the file must be.
        expected: u64,
        /// How long it is.
        found: u64,
    },
    /// A checkpoint or an entry that is too large.
    #[error("`{path}` may have at most {limit} bytes, found {found}")]
    TooLarge {
        /// The file in the bundle file.
        path: String,
        /// The limit.
        limit: u64,
        /// Its size.
        found: u64,
    },
    /// A blob whose source yields another size than its descriptor says.
    #[error("expected the {part} to have {expected} bytes, found {found}")]
    BlobSize {
        /// Which blob.
        part: Part,
        /// What the descriptor says.
        expected: u64,
        /// How many came.
        found: u64,
    },
    /// Reading or writing failed.
    #[error("cannot {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Outcome for BundleFileError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. } => FailureKind::Failed,
            Self::Verify(error) => error.kind(),
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Verify(error) => error.hint(),
            Self::Io { .. } => None,
            Self::NotBundleFile => Some("name a file that `bulla export` wrote".to_owned()),
            _ => Some("copy the file again, or export the release again".to_owned()),
        }
    }
}

impl From<LimitError> for BundleFileError {
    fn from(error: LimitError) -> Self {
        Self::Verify(error.into())
    }
}
