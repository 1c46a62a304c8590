//! Every key of the store, drawn.
//!
//! ```text
//! blobs/sha256/ab/<hex>                            content, of all repositories
//! damaged/sha256/<hex>                              content that was found to be other bytes
//! repositories/acme/billing/_blobs/sha256/<hex>     the repository has the blob: empty
//! repositories/acme/billing/_manifests/sha256/<hex> the repository has the manifest: its record
//! repositories/acme/billing/_tags/<tag>             what the tag names: its record
//! ```
//!
//! No part of a project's name can begin with `_`.

use bulla_schemas::ProjectName;

use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

/// Where the records of all repositories lie.
pub(super) const REPOSITORIES: &str = "repositories/";

/// What a key below [`REPOSITORIES`] names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordKey {
    /// A blob of the repository.
    Blob(OciDigest),
    /// A manifest of the repository.
    Manifest(OciDigest),
    /// A tag of the repository.
    Tag(Tag),
}

/// The key of content.
pub(super) fn content(digest: &OciDigest) -> String {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    format!("blobs/{algorithm}/{}/{hex}", &hex[..2])
}

/// The key of content that is not what its digest says.
pub(super) fn damaged(digest: &OciDigest) -> String {
    format!("damaged/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// The key of a record of a repository.
pub(super) fn record(project: &ProjectName, key: &RecordKey) -> String {
    let by_digest = |kind, digest: &OciDigest| {
        let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
        format!("{REPOSITORIES}{project}/{kind}/{algorithm}/{hex}")
    };
    match key {
        RecordKey::Blob(digest) => by_digest("_blobs", digest),
        RecordKey::Manifest(digest) => by_digest("_manifests", digest),
        RecordKey::Tag(tag) => format!("{REPOSITORIES}{project}/_tags/{tag}"),
    }
}

/// Reads the key of a record.
pub(super) fn parse(key: &str) -> Option<(ProjectName, RecordKey)> {
    let parts: Vec<&str> = key.strip_prefix(REPOSITORIES)?.split('/').collect();
    let kind = parts.iter().position(|part| part.starts_with('_'))?;
    let project = parts[..kind].join("/").parse().ok()?;
    let digest = |algorithm, hex| format!("{algorithm}:{hex}").parse().ok();
    let record = match parts[kind..] {
        ["_blobs", algorithm, hex] => RecordKey::Blob(digest(algorithm, hex)?),
        ["_manifests", algorithm, hex] => RecordKey::Manifest(digest(algorithm, hex)?),
        ["_tags", tag] => RecordKey::Tag(tag.parse().ok()?),
        _ => return None,
    };
    Some((project, record))
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;

    use super::*;

    #[test]
    fn a_key_is_read_as_what_it_was_made_of() {
        let project: ProjectName = "acme/billing".parse().unwrap();
        let digest = OciDigest::from(Digest::of(b"x"));
        for record_key in [
            RecordKey::Blob(digest.clone()),
            RecordKey::Manifest(digest),
            RecordKey::Tag("v1.0".parse().unwrap()),
        ] {
            let key = record(&project, &record_key);
            assert_eq!(parse(&key), Some((project.clone(), record_key)), "{key}");
        }
    }

    #[test]
    fn other_files_are_no_records() {
        for key in [
            "blobs/sha256/ab/abcd",
            "repositories/acme/billing/_tags/.new-x",
            "repositories/acme/_tags",
            "repositories/_tags/v1",
            "repositories/acme/_blobs/sha256/12",
        ] {
            assert_eq!(parse(key), None, "{key}");
        }
    }
}
