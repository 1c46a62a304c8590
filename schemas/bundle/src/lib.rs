//! What the bytes of a bundle mean: the one writer and the one reader.

mod bundle;
mod cut;
mod diff;
mod document;
mod file;
mod frame;
mod frame_table;
mod limits;
mod progress;
mod read_at;
mod rules;
mod seek_table;
mod source;
mod tar;
mod verify;
mod windows;
mod write;

pub use bundle::{BlobSource, Bundle, BundleBlob};
pub use diff::diff;
pub use file::{BundleFile, BundleFileError, LogCopy, read_bundle_file, write_bundle_file};
pub use frame::{Frame, FrameError};
pub use frame_table::FrameTableError;
pub use limits::{LimitError, Limits};
pub use progress::{NoProgress, Progress};
pub use rules::TreeError;
pub use source::{Content, MemoryTree, SourceEntry, SourceKind, SourceTree};
pub use tar::TarSpan;
pub use tar::check::TarError;
pub use verify::{
    Part, UnverifiedBundle, VerifiedBundle, VerifiedManifest, VerifiedParts, VerifyError,
};
pub use windows::{NameProblem, windows_problems};
pub use write::{ReleaseSeed, WriteError, WriteOptions, write};
