//! What a push needs of a bundle, wherever it comes from.

use bulla_bundle::BlobSource;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::{Digest, ProjectName};

/// A bundle from anywhere.
pub(super) struct Parts<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) hash: Digest,
    pub(super) manifest: &'a Manifest,
    pub(super) manifest_bytes: &'a [u8],
    pub(super) blobs: &'a dyn BlobSource,
}
