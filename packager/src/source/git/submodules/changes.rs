//! Changes in checked-out submodules that are in no commit of the superproject.

use std::path::Path;

use super::checked_out::checked_out;
use crate::source::git::changes::Changes;
use crate::source::git::objects;
use crate::source::git::tree::{self, Entry, Place};
use crate::source::listing::Listing;
use crate::source::{SourceError, TrackedKind, join};

/// Finds submodules of `work_tree` at another commit than the recorded one, and what is changed in
/// them. Those that are not checked out cannot differ.
pub(in crate::source::git) fn changes(
    work_tree: &Path,
    entries: &[Entry],
) -> Result<Listing, SourceError> {
    let mut listing = Vec::new();
    add(work_tree, entries, &[], &mut listing)?;
    Ok(Listing(listing))
}

fn add(
    work_tree: &Path,
    entries: &[Entry],
    prefix: &[u8],
    listing: &mut Vec<(String, String)>,
) -> Result<(), SourceError> {
    for entry in entries {
        let (TrackedKind::Submodule, Place::Object(recorded)) = (entry.tracked.kind, &entry.place)
        else {
            continue;
        };
        let Some(top) = checked_out(work_tree, &entry.tracked.path) else {
            continue;
        };
        let path = join(prefix, &entry.tracked.path);
        let shown = String::from_utf8_lossy(&path).into_owned();
        let repository = objects::repository(&top)?;
        let Ok(head) = repository.head_commit() else {
            listing.push(("without a commit".to_owned(), shown));
            continue;
        };
        if head.id != *recorded {
            listing.push(("at another commit".to_owned(), shown.clone()));
        }
        let changes = Changes::find(&top)?.listing();
        listing.extend(
            changes
                .0
                .into_iter()
                .map(|(what, name)| (what, format!("{shown}/{name}"))),
        );
        add(&top, &tree::entries(&head, &top)?, &path, listing)?;
    }
    Ok(())
}
