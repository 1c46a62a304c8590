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

impl Target {
    /// Returns the pattern of its paths, with `/v2/`.
    pub(crate) const fn pattern(&self) -> &'static str {
        match self {
            Self::Blob(_) => "/v2/{name}/blobs/{digest}",
            Self::Uploads => "/v2/{name}/blobs/uploads/",
            Self::Upload(_) => "/v2/{name}/blobs/uploads/{id}",
            Self::Frames => "/v2/{name}/_bulla/frames",
            Self::Delta => "/v2/{name}/_bulla/delta",
            Self::Manifest(_) => "/v2/{name}/manifests/{reference}",
            Self::Tags => "/v2/{name}/tags/list",
            Self::Referrers(_) => "/v2/{name}/referrers/{digest}",
        }
    }
}

/// Reads a path without its `/v2/`.
pub(crate) fn parse(path: &str) -> Result<(ProjectName, Target), Problem> {
    let (rest, last) = path.rsplit_once('/').ok_or(Problem::NoSuchPath)?;
    let (name, kind) = split(rest);
    let before = split(name);
    let (name, target) = match (kind, last) {
        ("uploads", "") if before.1 == "blobs" => (before.0, Target::Uploads),
        ("blobs", "uploads") => (name, Target::Uploads),
        ("uploads", id) if before.1 == "blobs" => (before.0, Target::Upload(id.to_owned())),
        ("_bulla", "frames") => (name, Target::Frames),
        ("_bulla", "delta") => (name, Target::Delta),
        ("tags", "list") => (name, Target::Tags),
        ("blobs", digest) => (name, Target::Blob(parse_digest(digest)?)),
        ("referrers", digest) => (name, Target::Referrers(parse_digest(digest)?)),
        ("manifests", reference) => (name, Target::Manifest(parse_reference(reference)?)),
        _ => return Err(Problem::NoSuchPath),
    };
    Ok((name.parse().map_err(Problem::Name)?, target))
}

/// Splits a path before its last part, which is all of a path without a slash.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
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
