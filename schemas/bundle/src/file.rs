//! The `.bulla` file: an OCI image layout as one tar, with what is needed to judge the bundle
//! without network.
//!
//! ```text
//! oci-layout                 {"imageLayoutVersion":"1.0.0"}
//! index.json                 names the manifest by digest
//! bulla/checkpoint           the log's signed checkpoint        } both or neither
//! bulla/entries/NNNNNNNNNNNN one log entry each, from the first }
//! blobs/sha256/<hex>         manifest, release document, frame table, index, payload
//! ```
//!
//! Exactly these files in exactly this order with the headers of the canonical tar: there is one
//! possible file for a bundle and a log. Small things stand in front, so that everything is
//! verified before the payload is looked at. A blob that two descriptors share stands there once
//! for each. The log's copy is handed on as it is; who judges it is `bulla-trust`.

mod error;
mod layout;
mod read;
mod write;

pub use error::BundleFileError;
pub use layout::LogCopy;
pub use read::{BundleFile, read_bundle_file};
pub use write::write_bundle_file;
