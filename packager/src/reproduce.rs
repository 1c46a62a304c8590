//! A release made again from the source that its statement names, and compared with the one that
//! the registry has.

use std::collections::BTreeSet;

use bulla_bundle::{Bundle, Progress, VerifiedBundle};
use bulla_schemas::Digest;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::release::{ReleaseDocument, Source};
use bulla_schemas::report::{FieldDifference, ReproduceReport, ReproducedAs};
use bulla_trust::ReleaseRecord;

use crate::pack::{self, PackError, PackOptions, Packed};
use crate::source::remote::{self, StatedSource};
use crate::source::{self, GivenReference, Location, SourceSpec};

/// Why a release cannot be made again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// Its source is in no revision.
    #[error("{hash} was packed with changes that are in no revision, so it cannot be made again")]
    Dirty {
        /// The release.
        hash: Digest,
    },
    /// The checkout is of another kind than the release.
    #[error("{hash} was packed from {expected}, and this is a checkout of {found}")]
    OtherSystem {
        /// The release.
        hash: Digest,
        /// `git` or `svn`.
        expected: &'static str,
        /// The other one.
        found: &'static str,
    },
    /// Its source cannot be had, or not be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl Outcome for ReproduceError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Dirty { .. } => FailureKind::Refused,
            Self::OtherSystem { .. } => FailureKind::Usage,
            Self::Pack(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Dirty { .. } => {
                Some("publish the same files from a revision; that release can be".to_owned())
            }
            Self::OtherSystem { expected, .. } => {
                Some(format!("`--checkout` takes a checkout of {expected}"))
            }
            Self::Pack(error) => error.hint(),
        }
    }
}

/// Packs again what `record` says that `release` was packed from: from `checkout` when given, else
/// from where the statement says. Nothing of an earlier pack is used.
pub fn reproduce(
    release: &VerifiedBundle,
    record: &ReleaseRecord,
    checkout: Option<Location>,
    options: &PackOptions,
    progress: &dyn Progress,
) -> Result<(ReproduceReport, Packed), ReproduceError> {
    if record.dirty {
        return Err(ReproduceError::Dirty {
            hash: release.hash(),
        });
    }
    let document = release.release();
    let stated = StatedSource {
        source: &record.source,
        revision: document.source.revision(),
        reference: &record.reference,
        document: &document.source,
    };
    let found = match checkout {
        Some(location) => remote::Found::at(location),
        None => remote::fetch(&stated, &options.spool).map_err(PackError::from)?,
    };
    let expected = match document.source {
        Source::Git { .. } => "git",
        Source::Svn { .. } => "svn",
    };
    if let Some(other) = source::system(found.location()).filter(|system| *system != expected) {
        return Err(ReproduceError::OtherSystem {
            hash: release.hash(),
            expected,
            found: other,
        });
    }
    let (checkout, recipe) = pack::open(&SourceSpec {
        location: found.location().clone(),
        revision: Some(stated.revision.to_owned()),
        allow_dirty: false,
        reference: GivenReference::default(),
        spool: options.spool.clone(),
    })?;
    let fresh = PackOptions {
        cache: None,
        ..options.clone()
    };
    let mut packed = pack::pack(checkout, &recipe, &fresh, progress)?;
    found.complete(&stated, &mut packed.provenance);
    if packed.provenance.reference == record.reference {
        packed.provenance.label.clone_from(&record.label);
    }
    let reproduction = compare(release, record, &packed.bundle);
    Ok((reproduction, packed))
}

fn compare(release: &VerifiedBundle, record: &ReleaseRecord, bundle: &Bundle) -> ReproduceReport {
    let (expected, found) = (release.release(), bundle.release());
    let mut document = differences(expected, found);
    let answer = answer(
        release.hash() == bundle.hash(),
        expected.index.digest == found.index.digest,
        &document,
    );
    if answer == ReproducedAs::Different && document.is_empty() {
        document.extend(layers(release.manifest(), bundle.manifest()));
    }
    ReproduceReport {
        project: expected.project.clone(),
        hash: release.hash(),
        found: bundle.hash(),
        answer,
        source: record.source.clone(),
        revision: expected.source.revision().to_owned(),
        changes: bulla_bundle::diff(release.entries(), bundle.entries()),
        document,
    }
}

/// The files and everything said of them may be the same, and another codec the reason for the
/// other hash. Who names the same codec has to give the same bytes.
fn answer(is_same_hash: bool, is_same_index: bool, document: &[FieldDifference]) -> ReproducedAs {
    match document {
        _ if is_same_hash => ReproducedAs::Identical,
        [difference] if is_same_index && difference.field == "codec" => ReproducedAs::SameContent,
        _ => ReproducedAs::Different,
    }
}

/// Compares the compressed parts of two bundles that say the same of themselves.
fn layers(expected: &Manifest, found: &Manifest) -> Vec<FieldDifference> {
    let sides = expected.layers.iter().zip(&found.layers);
    sides
        .filter(|(one, other)| one != other)
        .map(|(one, other)| FieldDifference {
            field: one.media_type.clone(),
            expected: one.digest.to_string(),
            found: other.digest.to_string(),
        })
        .collect()
}

/// Compares field by field, as both are written.
fn differences(expected: &ReleaseDocument, found: &ReleaseDocument) -> Vec<FieldDifference> {
    let fields = |document: &ReleaseDocument| match serde_json::to_value(document) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (expected, found) = (fields(expected), fields(found));
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let text =
        |value: Option<&serde_json::Value>| value.map_or_else(String::new, ToString::to_string);
    names
        .into_iter()
        .map(|field| (field, expected.get(field), found.get(field)))
        .filter(|(_, one, other)| one != other)
        .map(|(field, one, other)| FieldDifference {
            field: field.clone(),
            expected: text(one),
            found: text(other),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(field: &str) -> FieldDifference {
        FieldDifference {
            field: field.to_owned(),
            expected: "1".to_owned(),
            found: "2".to_owned(),
        }
    }

    #[test]
    fn only_another_codec_is_the_same_content() {
        let codec = [differs("codec")];
        let more = [differs("codec"), differs("install")];
        assert_eq!(answer(true, true, &[]), ReproducedAs::Identical);
        assert_eq!(answer(false, true, &codec), ReproducedAs::SameContent);
        assert_eq!(answer(false, false, &codec), ReproducedAs::Different);
        assert_eq!(answer(false, true, &more), ReproducedAs::Different);
        // The same codec, by its name, and other bytes.
        assert_eq!(answer(false, true, &[]), ReproducedAs::Different);
    }
}
