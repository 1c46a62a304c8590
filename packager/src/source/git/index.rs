//! The index, with the entries that a sparse one leaves out.

use gix::bstr::BStr;
use gix::index::entry::{Flags, Mode, Stat};
use gix::index::{File, State};

use super::error::GitError;
use super::tree::{self, Entry, Place};
use crate::source::TrackedKind;

/// Returns the index with all its entries. None when the index itself is complete.
///
/// A sparse index has one entry for a whole directory that is not checked out, with the tree's id.
pub(super) fn expanded(
    repository: &gix::Repository,
    top: &std::path::Path,
) -> Result<Option<File>, GitError> {
    let sparse = repository
        .index_or_empty()
        .map_err(|source| GitError::Repository {
            action: "read the index of",
            repository: top.to_owned(),
            source,
        })?;
    if !sparse.is_sparse() {
        return Ok(None);
    }
    let mut full = State::new(repository.object_hash());
    // What was written in the same moment is compared by content.
    full.set_timestamp(sparse.timestamp());
    for entry in sparse.entries() {
        let path = entry.path(&sparse);
        if entry.mode != Mode::DIR {
            full.dangerously_push_entry(entry.stat, entry.id, entry.flags, entry.mode, path);
            continue;
        }
        let directory = path.strip_suffix(b"/").unwrap_or(path);
        for Entry { tracked, place } in tree::below(repository, entry.id, directory, top)? {
            if let Place::Object(id) = place {
                full.dangerously_push_entry(
                    Stat::default(),
                    id,
                    entry.flags | Flags::SKIP_WORKTREE,
                    mode(tracked.kind),
                    BStr::new(&tracked.path),
                );
            }
        }
    }
    full.sort_entries();
    Ok(Some(File::from_state(full, sparse.path())))
}

/// Tells whether git itself noted that the index holds exactly what `HEAD` does. It forgets that
/// with the first path that is staged (gitformat-index(5), "Cache tree").
pub(super) fn is_head(repository: &gix::Repository) -> bool {
    let (Ok(index), Ok(head)) = (repository.index_or_empty(), repository.head_tree_id()) else {
        return false;
    };
    let entries = u32::try_from(index.entries().len()).ok();
    index
        .tree()
        .is_some_and(|tree| tree.id == head && entries.is_some() && tree.num_entries == entries)
}

fn mode(kind: TrackedKind) -> Mode {
    match kind {
        TrackedKind::Link => Mode::SYMLINK,
        TrackedKind::Submodule => Mode::COMMIT,
        TrackedKind::File { executable: true } => Mode::FILE_EXECUTABLE,
        _ => Mode::FILE,
    }
}
