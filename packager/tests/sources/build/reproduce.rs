//! A release made again, without a registry: how two bundles compare.

use bulla_bundle::{Limits, NoProgress, read_bundle_file, write_bundle_file};
use bulla_packager::pack;
use bulla_packager::reproduce::{ReproduceError, reproduce};
use bulla_packager::source::Location;
use bulla_packager::{recipe, source};
use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::report::{ReproduceReport, ReproducedAs};
use bulla_schemas::statement::Build;
use bulla_schemas::{Codec, Digest};
use bulla_trust::ReleaseRecord;

use super::support::{options, pack_options};
use crate::checkout::{GitRepository, spec};

/// Packs the checkout with another codec if asked, then makes it again from `again`.
fn made_again(
    repository: &GitRepository,
    level: Option<i64>,
    dirty: bool,
    again: &GitRepository,
) -> Result<ReproduceReport, ReproduceError> {
    let options = pack_options(options());
    let checkout = source::open(&spec(&repository.work())).unwrap();
    let mut recipe = recipe::load(&checkout).unwrap();
    if let Some(level) = level {
        recipe.codec = Codec::current(level).unwrap();
    }
    let packed = pack::pack(checkout, &recipe, &options, &NoProgress).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    let bundle = &packed.bundle;
    write_bundle_file(&mut file, bundle.manifest_bytes(), bundle, None).unwrap();
    let file = read_bundle_file(file, &Limits::default()).unwrap();
    let record = ReleaseRecord {
        entry: 1,
        builders: Vec::new(),
        source: packed.provenance.source.clone(),
        reference: packed.provenance.reference.clone(),
        revision: bundle.release().source.revision().to_owned(),
        label: String::new(),
        dirty,
        build: Build::None,
        size: bundle.total_size(),
        finished_on: bundle.release().source.committed(),
        payload: Digest::of(b"payload"),
    };
    let checkout = Some(Location::Directory(again.work()));
    reproduce(file.bundle(), &record, checkout, &options, &NoProgress)
        .map(|(reproduction, _)| reproduction)
}

#[test]
fn the_same_revision_is_identical() {
    let repository = GitRepository::with_files();
    let made = made_again(&repository, None, false, &repository).unwrap();
    assert_eq!(made.answer, ReproducedAs::Identical);
    assert_eq!(made.hash, made.found);
    assert!(made.changes.is_empty() && made.document.is_empty());
}

#[test]
fn another_codec_leaves_the_content_the_same() {
    let repository = GitRepository::with_files();
    let made = made_again(&repository, Some(3), false, &repository).unwrap();
    assert_eq!(made.answer, ReproducedAs::SameContent);
    assert_ne!(made.hash, made.found);
    let fields: Vec<_> = made
        .document
        .iter()
        .map(|field| field.field.as_str())
        .collect();
    assert_eq!(fields, ["codec"]);
}

#[test]
fn changes_in_no_revision_cannot_be_made_again() {
    let repository = GitRepository::with_files();
    let error = made_again(&repository, None, true, &repository).unwrap_err();
    assert!(matches!(error, ReproduceError::Dirty { .. }));
    assert_eq!(error.kind().exit_status(), 3);
}
