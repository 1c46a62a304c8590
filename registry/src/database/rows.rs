//! Rows that are remembered, see [`known`](super::known).

use bulla_schemas::{Digest, HostName, Timestamp};

use crate::oci::digest::OciDigest;

/// A manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestRow {
    /// The digest it was pushed with.
    pub digest: OciDigest,
    /// The media type it was pushed with.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What kind of artifact it says it is.
    pub artifact_type: Option<String>,
    /// The manifest that it is about.
    pub subject: Option<OciDigest>,
}

/// A token as it is kept: by the digest of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// What it is listed and revoked by.
    pub id: String,
    /// What people call it; may be empty.
    pub name: String,
    /// The sha256 of the secret.
    pub secret: Digest,
    /// What it may do, separated by commas.
    pub scopes: String,
    /// The projects it is for, separated by commas.
    pub projects: String,
    /// The one host whose reports it may send.
    pub host: Option<HostName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}
