//! A release made again from the source that its statement names, and compared with the one that
//! the registry has.

use bulla_bundle::{Bundle, Progress, VerifiedBundle};
use bulla_schemas::api::Change;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::ReleaseDocument;
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::ReleaseRecord;
use serde::Serialize;

use crate::pack::{self, PackError, PackOptions, Packed};
use crate::recipe::{self, RecipeError};
use crate::source::remote::{self, Origin};
use crate::source::{self, Location, SourceError, SourceSpec};

/// How the release that was made again compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The same hash.
    Identical,
    /// The same files from the same revision and recipe, compressed by another codec.
    SameContent,
    /// Anything else.
    Different,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reproduction {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// The hash of what was made again.
    pub found: Digest,
    /// How they compare.
    pub answer: Answer,
    /// Where the source came from.
    pub source: String,
    /// The commit id or revision number.
    pub revision: String,
    /// The paths that differ, from the release to what was made again.
    pub changes: Vec<Change>,
    /// What differs in the release documents.
    pub document: Vec<FieldDifference>,
}

/// A field of the release document that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Its name.
    pub field: String,
    /// What the release says, as JSON.
    pub expected: String,
    /// What was made again says.
    pub found: String,
}

/// Why a release cannot be made again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// Its source is in no revision.
    #[error("{hash} was packed with changes that are in no revision, so nobody can make it again")]
    Dirty {
        /// The release.
        hash: Digest,
    },
    /// The source cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The recipe cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// It cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl ReproduceError {
    /// Returns the exit status' kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Dirty { .. } => FailureKind::Refused,
            Self::Source(error) => error.kind(),
            Self::Recipe(error) => error.kind(),
            Self::Pack(error) => error.kind(),
        }
    }

    /// Returns what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Dirty { .. } => {
                Some("publish the same files from a revision; that release can be".to_owned())
            }
            Self::Source(error) => error.hint(),
            Self::Recipe(error) => error.hint(),
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
) -> Result<(Reproduction, Packed), ReproduceError> {
    if record.dirty {
        return Err(ReproduceError::Dirty {
            hash: release.hash(),
        });
    }
    let document = release.release();
    let origin = Origin {
        source: &record.source,
        revision: document.source.revision(),
        reference: &record.reference,
        document: &document.source,
    };
    let found = match checkout {
        Some(location) => remote::Found::at(location),
        None => remote::fetch(&origin, &options.spool)?,
    };
    let opened = source::open(&SourceSpec {
        location: found.location().clone(),
        revision: Some(origin.revision.to_owned()),
        allow_dirty: false,
        spool: options.spool.clone(),
    })?;
    let recipe = recipe::load(&opened)?;
    let fresh = PackOptions {
        cache: None,
        ..options.clone()
    };
    let mut packed = pack::pack(opened, &recipe, &fresh, progress)?;
    found.complete(&origin, &mut packed.provenance);
    if packed.provenance.reference == record.reference {
        packed.provenance.label.clone_from(&record.label);
    }
    let reproduction = compare(release, record, &packed.bundle);
    Ok((reproduction, packed))
}

fn compare(release: &VerifiedBundle, record: &ReleaseRecord, bundle: &Bundle) -> Reproduction {
    let (expected, found) = (release.release(), bundle.release());
    let document = differences(expected, found);
    let is_codec = |difference: &FieldDifference| difference.field == "codec";
    let answer = if release.hash() == bundle.hash() {
        Answer::Identical
    } else if expected.index.digest == found.index.digest && document.iter().all(is_codec) {
        Answer::SameContent
    } else {
        Answer::Different
    };
    Reproduction {
        project: expected.project.clone(),
        hash: release.hash(),
        found: bundle.hash(),
        answer,
        source: record.source.clone(),
        revision: expected.source.short_revision(),
        changes: bulla_bundle::diff(release.entries(), bundle.entries()),
        document,
    }
}

/// Compares field by field, as both are written.
fn differences(expected: &ReleaseDocument, found: &ReleaseDocument) -> Vec<FieldDifference> {
    let fields = |document: &ReleaseDocument| match serde_json::to_value(document) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (expected, found) = (fields(expected), fields(found));
    expected
        .iter()
        .filter_map(|(field, value)| {
            let other = found.get(field);
            (other != Some(value)).then(|| FieldDifference {
                field: field.clone(),
                expected: value.to_string(),
                found: other.map_or_else(String::new, ToString::to_string),
            })
        })
        .collect()
}
