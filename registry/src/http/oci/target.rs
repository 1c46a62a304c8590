//! Which path below `/v2/` means what. Repository names have slashes, so a path is read from its
//! end.

use bulla_schemas::ProjectName;

use crate::http::problem::Problem;
use crate::oci::digest::OciDigest;
use crate::oci::reference::{Reference, ReferenceError};

/// What a path below `/v2/<name>/` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// `blobs/<digest>`
    Blob(OciDigest),
    /// `blobs/uploads/`
    Uploads,
    /// `blobs/uploads/<id>`
    Upload(String),
    /// `_bulla/frames`
    Frames,
    /// `_bulla/delta`
    Delta,
    /// `manifests/<tag or digest>`
    Manifest(Reference),
    /// `tags/list`
    Tags,
    /// `referrers/<digest>`
    Referrers(OciDigest),
}

/// Reads a path without its `/v2/`.
pub(crate) fn parse(path: &str) -> Result<(ProjectName, Target), Problem> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, target) = match parts.as_slice() {
        [name @ .., "blobs", "uploads", ""] | [name @ .., "blobs", "uploads"] => {
            (name, Target::Uploads)
        }
        [name @ .., "blobs", "uploads", id] => (name, Target::Upload((*id).to_owned())),
        [name @ .., "_bulla", "frames"] => (name, Target::Frames),
        [name @ .., "_bulla", "delta"] => (name, Target::Delta),
        [name @ .., "tags", "list"] => (name, Target::Tags),
        [name @ .., "blobs", digest] => (name, Target::Blob(parse_digest(digest)?)),
        [name @ .., "referrers", digest] => (name, Target::Referrers(parse_digest(digest)?)),
        [name @ .., "manifests", reference] => {
            (name, Target::Manifest(parse_reference(reference)?))
        }
        _ => return Err(Problem::NoSuchPath),
    };
    let name = name.join("/").parse().map_err(Problem::Name)?;
    Ok((name, target))
}

pub(super) fn parse_digest(text: &str) -> Result<OciDigest, Problem> {
    text.parse().map_err(Problem::Digest)
}

fn parse_reference(text: &str) -> Result<Reference, Problem> {
    text.parse().map_err(|error| match error {
        ReferenceError::Digest(error) => Problem::Digest(error),
        error @ ReferenceError::Tag { .. } => Problem::Tag(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_a_part_of_the_interface() {
        let digest = OciDigest::from(bulla_schemas::Digest::of(b""));
        for (path, name, target) in [
            ("a/blobs/uploads/", "a", Target::Uploads),
            ("a/b/blobs/uploads", "a/b", Target::Uploads),
            ("a/blobs/uploads/7", "a", Target::Upload("7".to_owned())),
            ("a/_bulla/frames", "a", Target::Frames),
            ("a/b/_bulla/delta", "a/b", Target::Delta),
            ("a/tags/list/tags/list", "a/tags/list", Target::Tags),
            (
                "blobs/manifests/latest",
                "blobs",
                Target::Manifest("latest".parse().unwrap()),
            ),
            (
                &format!("a/referrers/{digest}"),
                "a",
                Target::Referrers(digest.clone()),
            ),
        ] {
            let (found, what) = parse(path).unwrap();
            assert_eq!((found.as_str(), what), (name, target), "{path}");
        }
        assert!(matches!(parse("a/blobs/sha256:1"), Err(Problem::Digest(_))));
        assert!(matches!(parse("A/tags/list"), Err(Problem::Name(_))));
        assert!(matches!(parse("tags/list"), Err(Problem::Name(_))));
        assert!(matches!(parse("_catalog"), Err(Problem::NoSuchPath)));
    }
}
