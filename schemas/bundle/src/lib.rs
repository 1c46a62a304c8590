//! What the bytes of a bundle mean: the one writer and the one reader.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod bundle;
mod diff;
mod file;
mod frame;
mod limits;
mod progress;
mod rules;
mod source;
mod tar;
mod verify;
mod windows;
mod write;

pub use bundle::{BlobSource, Bundle, BundleBlob};
pub use diff::diff;
pub use file::{BundleFile, BundleFileError, LogCopy, read_bundle_file, write_bundle_file};
pub use frame::Frame;
pub use limits::{LimitError, Limits};
pub use progress::{NoProgress, Progress};
pub use rules::TreeError;
pub use source::{Content, SourceEntry, SourceKind, SourceTree};
pub use tar::TarSpan;
pub use verify::{UnverifiedBundle, VerifiedBundle, VerifiedManifest, VerifiedParts, VerifyError};
pub use windows::{NameProblem, windows_problems};
pub use write::{ReleaseSeed, WriteError, WriteOptions, write};
