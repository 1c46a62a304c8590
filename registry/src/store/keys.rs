//! Every key of the store, drawn.
//!
//! ```text
//! blobs/sha256/ab/<hex>                             content that is stored whole, of all repositories
//! recipes/sha256/ab/<hex>                           other content: which frames of which packs it is
//! packs/<id>                                        the frames of one push that were new then
//! damaged/sha256/<hex>                              content that was found to be other bytes
//! damaged/recipes/sha256/<hex>                      the same of content that has a recipe
//! repositories/acme/billing/_blobs/sha256/<hex>     the repository has the blob: empty
//! repositories/acme/billing/_manifests/sha256/<hex> the repository has the manifest: its record
//! repositories/acme/billing/_tags/<tag>             what the tag names: its record
//! repositories/acme/billing/_removed/sha256/<hex>   when and why `gc` removed the release: its record
//! ```
//!
//! No part of a project's name can begin with `_`.

use bulla_schemas::ProjectName;

use crate::frames::PackId;
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
    /// A release that was removed from the repository.
    Removed(OciDigest),
}

/// Where all content lies that is stored whole.
pub(super) const BLOBS: &str = "blobs/";

/// The key of content that is stored whole.
pub(super) fn content(digest: &OciDigest) -> String {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    format!("{BLOBS}{algorithm}/{}/{hex}", &hex[..2])
}

/// Reads the key of content that is stored whole.
pub(super) fn parse_content(key: &str) -> Option<OciDigest> {
    let digest = parse_sharded(key)?;
    (content(&digest) == key).then_some(digest)
}

/// Where all recipes lie.
pub(super) const RECIPES: &str = "recipes/";

/// The key of the recipe of content.
pub(super) fn recipe(digest: &OciDigest) -> String {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    format!("{RECIPES}{algorithm}/{}/{hex}", &hex[..2])
}

/// Reads the key of a recipe.
pub(super) fn parse_recipe(key: &str) -> Option<OciDigest> {
    let digest = parse_sharded(key)?;
    (recipe(&digest) == key).then_some(digest)
}

fn parse_sharded(key: &str) -> Option<OciDigest> {
    let parts: Vec<&str> = key.split('/').collect();
    let [_, algorithm, _, hex] = parts[..] else {
        return None;
    };
    format!("{algorithm}:{hex}").parse().ok()
}

/// Where all packs lie.
pub(super) const PACKS: &str = "packs/";

/// The key of a pack.
pub(super) fn pack(id: PackId) -> String {
    format!("{PACKS}{id}")
}

/// Reads the key of a pack.
pub(super) fn parse_pack(key: &str) -> Option<PackId> {
    key.strip_prefix(PACKS)?.parse().ok()
}

/// Where all lies that was found to be other bytes.
pub(super) const DAMAGED: &str = "damaged/";

/// Reads the key of what was found to be other bytes, whole or as a recipe.
pub(super) fn parse_damaged(key: &str) -> Option<OciDigest> {
    let rest = key.strip_prefix(DAMAGED)?;
    let rest = rest.strip_prefix(RECIPES).unwrap_or(rest);
    let (algorithm, hex) = rest.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// The key of content that is stored whole and is not what its digest says.
pub(super) fn damaged(digest: &OciDigest) -> String {
    format!("{DAMAGED}{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// The key of a recipe whose content is not what its digest says.
pub(super) fn damaged_recipe(digest: &OciDigest) -> String {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    format!("{DAMAGED}{RECIPES}{algorithm}/{hex}")
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
        RecordKey::Removed(digest) => by_digest("_removed", digest),
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
        ["_removed", algorithm, hex] => RecordKey::Removed(digest(algorithm, hex)?),
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
            RecordKey::Manifest(digest.clone()),
            RecordKey::Tag("v1.0".parse().unwrap()),
            RecordKey::Removed(digest),
        ] {
            let key = record(&project, &record_key);
            assert_eq!(parse(&key), Some((project.clone(), record_key)), "{key}");
        }
    }

    #[test]
    fn other_files_are_no_recipes() {
        let digest = OciDigest::from(Digest::of(b"x"));
        let key = recipe(&digest);
        assert_eq!(parse_recipe(&key), Some(digest));
        for other in [
            format!("{key}0"),
            key.replace("/sha256/2d", "/sha256/2e"),
            "recipes/sha256/2d/.bulla-new-a1b2c3".to_owned(),
            "recipes/x".to_owned(),
        ] {
            assert_eq!(parse_recipe(&other), None, "{other}");
        }
    }

    #[test]
    fn what_is_damaged_is_known_by_its_key() {
        let digest = OciDigest::from(Digest::of(b"x"));
        for key in [damaged(&digest), damaged_recipe(&digest)] {
            assert_eq!(parse_damaged(&key), Some(digest.clone()), "{key}");
        }
        assert_eq!(parse_damaged("damaged/sha256/.bulla-new-a1b2c3"), None);
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
