//! The delta: one stream of bytes that turns a bundle that is there into another one of its project.
//!
//! ```text
//! documents   zstd frame   header line, manifest, release document, text of the frame table
//!             dictionary   the same three of the bundle that is there
//! piece ...   zstd frame   content of one frame of the wanted index or payload
//!             dictionary   contents of a run of frames of the bundle that is there, or none
//! ```
//!
//! | step | who | module |
//! |---|---|---|
//! | Which frames are missing, and what are they like? | writer | `plan`, `alignment` |
//! | Compress documents and pieces | writer | `write` |
//! | Documents, checked by the digests that there always are | reader | `documents` |
//! | Each piece against its line of the frame table | reader | `piece` |
//!
//! A delta is not believed: it is another way to get what the hash names, and each of its parts is
//! checked by the digest that it has there. It need not have every frame that is missing; what it
//! has not, and what is refused of it, is fetched as without it. The bytes of a delta are not
//! defined, only what they mean, so a writer may choose dictionaries and levels as it likes.

mod alignment;
mod documents;
mod error;
#[cfg(feature = "testing")]
pub(crate) mod forge;
mod piece;
mod plan;
mod prefix;
mod write;

pub use documents::{Delta, DeltaDocuments};
pub use error::DeltaError;
pub use piece::{DeltaPiece, ReceivedPiece};
pub use plan::DeltaPlan;
pub use write::DeltaWriter;
