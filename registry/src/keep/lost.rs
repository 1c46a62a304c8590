//! What a registry has lost without a word, by its own log: a release that the log names is only ever
//! removed with a record that says so. Neither records nor index need to know of it any more.

use bulla_files::FileError;
use bulla_trust::LogState;

use super::documents;
use super::place::Place;
use crate::oci::document::Document;
use crate::store::RecordKeys;
use crate::store::repositories::{Record, RecordKind, Repositories};

/// Adds to `known` the records of releases that are in a backup, are not in the registry, and were not
/// removed there.
pub(super) fn add_lost(
    from: &Place,
    to: &Place,
    state: &LogState,
    known: &mut RecordKeys,
) -> Result<(), FileError> {
    let here = Repositories::new(from.objects.clone());
    let there = Repositories::new(to.objects.clone());
    let mut add = |project: &_, record: Record| {
        let (Record::Manifest(digest, _) | Record::Tag(_, digest)) = &record else {
            return Ok(());
        };
        let is_named = |hash| state.release(project, &hash).is_some();
        if !digest.sha256().is_some_and(is_named)
            || here.has(project, RecordKind::Manifest, digest)?
            || here.removal(project, digest)?.is_some()
        {
            return Ok(());
        }
        match record {
            Record::Tag(tag, _) => known.add_tag(project, tag),
            Record::Manifest(digest, record) => {
                let document = documents::read(&to.blobs, &digest, &record)?;
                for part in document.iter().flat_map(Document::blobs) {
                    known.add_blob(project, part.digest().clone());
                }
                known.add_manifest(project, digest);
            }
            _ => {}
        }
        Ok::<_, FileError>(())
    };
    there.each(&mut add)
}
