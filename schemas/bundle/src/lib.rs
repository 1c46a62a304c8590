//! What the bytes of a bundle mean: the one writer and the one reader of bundle format 1.
//!
//! A bundle is a pure function of a revision, a recipe and a codec. It is an OCI artifact of five
//! parts; the sha256 of the first is the release's hash.
//!
//! ```text
//! manifest      OCI image manifest, canonical JSON; names the other four by digest and size
//! ├ release     what the bundle is made of: revision, codec, digests of tar and index, install
//! ├ payload     the canonical tar, cut into zstd frames, and a seek table
//! ├ index       one JSON line per entry of the tar, cut into zstd frames
//! └ frames      one JSON line per frame of payload and index, one zstd frame
//! ```
//!
//! | question | module |
//! |---|---|
//! | Which entries may a release have, in which order? | `rules` |
//! | Which bytes is the tar? | `canonical` |
//! | Where is it cut, how is a piece compressed? | `cut`, `frame`, `seek_table` |
//! | How is a tree packed? | `write` |
//! | What must be checked before what is believed? | `verify`, `limits` |
//! | How does a bundle travel as one file? | `file` |
//! | What changes between two releases? | `diff` |
//! | Where do the frames of any blob end? | `cutter` |
//! | How does one bundle become another over a network? | `delta` |
//!
//! There is one possible bundle for a tree, and the reader refuses whatever the writer could not
//! have written. Headers of the tar follow from the index, so nobody needs to believe one: an
//! installer extracts from index and frames and never reads a header, and whoever needs the tar
//! itself (packing, reproduction, a bundle file) has each of its bytes compared with
//! [`VerifiedBundle::verify_payload`]. A device, a set-id bit or a record that overrides a path is
//! therefore harmless in the first case and found in the second.
//!
//! The crate does no network, knows no clock and no terminal; the only file it writes is the
//! payload's spool. Who may say that a bundle is a release is `bulla-trust`.

mod bundle;
mod canonical;
mod cut;
mod cutter;
mod delta;
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
#[cfg(feature = "testing")]
pub mod testing;
mod verify;
mod windows;
mod write;

pub use bundle::{BlobSource, Bundle, BundleBlob};
pub use canonical::{TarError, TarSpan};
pub use cutter::{Cutter, cut_frames, is_worth_cutting};
pub use delta::{
    Delta, DeltaDocuments, DeltaError, DeltaPiece, DeltaPlan, DeltaWriter, ReceivedPiece,
};
pub use diff::{compare, diff, has_content};
pub use file::{BundleFile, BundleFileError, LogCopy, read_bundle_file, write_bundle_file};
pub use frame::{Frame, FrameError};
pub use frame_table::FrameTableError;
pub use limits::{LimitError, Limits};
pub use progress::{NoProgress, Progress};
pub use rules::TreeError;
pub use source::{Content, SourceEntry, SourceKind, SourceTree};
#[cfg(feature = "testing")]
pub use testing::MemoryTree;
pub use verify::{
    Part, PartialIndex, TarPart, UnverifiedBundle, VerifiedBundle, VerifiedManifest, VerifiedParts,
    VerifyError,
};
pub use windows::{NameProblem, windows_problems};
pub use write::{
    CachedFrame, Earlier, FrameCache, Previous, ReleaseSeed, WriteError, WriteOptions, rewrite,
    write,
};
