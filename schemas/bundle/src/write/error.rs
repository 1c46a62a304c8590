//! Why a tree cannot be packed.

use std::io;
use std::path::PathBuf;

use bulla_schemas::install::InstallError;
use bulla_schemas::line::few;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::path::PathError;
use bulla_schemas::release::SourceError;
use bulla_schemas::{Codec, EntryPath};

use crate::limits::LimitError;
use crate::rules::TreeError;
use crate::windows::NameProblem;

/// Why a tree cannot be packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Entries that break a rule.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A link that leads out of the tree from where it stands.
    #[error("the link `{path}` cannot be part of a release")]
    Link {
        /// The link.
        path: EntryPath,
        /// Why.
        #[source]
        source: PathError,
    },
    /// Names that Windows cannot hold in a release for Windows.
    #[error("{}", list(problems))]
    Windows {
        /// All of them.
        problems: Vec<NameProblem>,
    },
    /// Larger than a reader accepts.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A tar that unpacks to more than a reader accepts of so few bytes, as files of zeros make it.
    #[error(
        "the files compress further than a reader accepts; the largest is `{path}` with {size} bytes"
    )]
    Ratio {
        /// The largest file.
        path: EntryPath,
        /// Its size.
        size: u64,
        /// By how much.
        #[source]
        source: LimitError,
    },
    /// A source that cannot be one.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An install section that contradicts itself.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A codec that is not this program's.
    #[error(
        "expected the codec of this program, zstd-{}, found {found}",
        version()
    )]
    Codec {
        /// The codec asked for.
        found: Codec,
    },
    /// This program was built with another libzstd than the format needs.
    #[error(
        "expected to be built with libzstd {}, found libzstd number {found}",
        version()
    )]
    Library {
        /// What the library calls itself.
        found: u32,
    },
    /// A file that cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file whose source announced another size.
    #[error(
        "expected {expected} bytes in `{path}`, found {found}; did it change while it was packed?"
    )]
    Size {
        /// The file.
        path: EntryPath,
        /// What was announced.
        expected: u64,
        /// How many came, or at least came.
        found: u64,
    },
    /// The temporary file of the payload.
    #[error("cannot {operation} a temporary file in `{}`", directory.display())]
    Spool {
        /// What was tried.
        operation: &'static str,
        /// The directory.
        directory: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// libzstd refuses to compress.
    #[error("cannot compress")]
    Compress(#[source] io::Error),
    /// More frames than a seek table holds.
    #[error("a payload cannot have {0} frames")]
    TooManyFrames(usize),
}

impl Outcome for WriteError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. }
            | Self::Size { .. }
            | Self::Spool { .. }
            | Self::Compress(_)
            | Self::Library { .. } => FailureKind::Failed,
            Self::Install(_) | Self::Codec { .. } => FailureKind::Usage,
            _ => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Tree(error) => error.hint(),
            Self::Link { path, .. } => Some(format!(
                "make the link relative and keep it inside the tree, or exclude `{path}`"
            )),
            Self::Windows { .. } => Some(
                "rename or exclude these, or take `windows` from `bundle.platforms`".to_owned(),
            ),
            Self::Ratio { path, .. } => Some(format!(
                "leave files that are nearly all zeros out, such as with `exclude = [\"/{path}\"]`, and make them on the server"
            )),
            Self::Library { .. } => {
                Some("build without the feature `pkg-config` of zstd-sys".to_owned())
            }
            Self::Spool { .. } => {
                Some("the payload needs room there; another directory can be named".to_owned())
            }
            _ => None,
        }
    }
}

fn version() -> String {
    let [major, minor, patch] = Codec::VERSION;
    format!("{major}.{minor}.{patch}")
}

fn list(problems: &[NameProblem]) -> String {
    const MOST: usize = 20;
    format!(
        "{} names do not fit Windows, for which this release is made\n{}",
        problems.len(),
        few(problems, MOST, "\n", "\nand")
    )
}
