//! The reader: from a hash to a bundle that can be extracted, one checked step at a time.
//!
//! ```text
//! UnverifiedBundle    a hash from a verified statement, a manifest from anywhere
//!   verify_manifest   -> VerifiedManifest   digest, form, limits
//!   verify_parts      -> VerifiedParts      release document and frame table: digests, sums
//!   verify            -> VerifiedBundle     index: digest, every rule for entries, size of the tar
//!     decode_frame                          compressed digest, then exactly the announced size
//!     check_framing                         headers and fillings of one decoded frame
//!     verify_payload                        all frames, the seek table, every byte of the tar
//!     parts_of_older_tar                    what an older release has in a range of its tar
//! ```
//!
//! Each step takes bytes from anywhere and only what a step before has checked decides how many
//! are read or decompressed. What the writer could not have written is refused. There is no other
//! way to a [`VerifiedBundle`]: no public constructor, no serde.

mod blob;
mod bundle;
mod error;
mod frames;
mod framing;
mod index;
mod manifest;
mod older_tar;
mod partial_index;
mod parts;
mod payload;

pub(crate) use blob::check_blob;
pub use bundle::VerifiedBundle;
pub use error::{Part, VerifyError};
pub use manifest::{UnverifiedBundle, VerifiedManifest};
pub use older_tar::TarPart;
pub use partial_index::PartialIndex;
pub use parts::VerifiedParts;
