//! Changes in a work tree that are in no commit.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use gix::bstr::{BString, ByteSlice as _};
use gix::diff::index::Change as IndexChange;
use gix::open::permissions;
use gix::status::{Item, UntrackedFiles, index_worktree::iter::Summary};
use gix::worktree::IndexPersistedOrInMemory;

use super::conversion::{self, Conversion, Conversions};
use super::error::GitError;
use super::index;
use super::tree::{Entry, Place};
use super::work_tree;
use crate::source::disk::is_executable;
use crate::source::listing::Listing;
use crate::source::ownership::require_own_git;
use crate::source::special::require_files_of_git;
use crate::source::{SourceError, Tracked, TrackedKind};

/// Most bytes for the index of a repository of another user.
const INDEX_OF_OTHERS: &str = "gitoxide.objects.allocLimitIfReducedTrust=1g";

/// What differs between the commit, the index and the work tree.
#[derive(Default)]
pub(super) struct Changes {
    /// Tracked paths and what happened to them.
    changed: BTreeMap<BString, Change>,
    untracked: Vec<BString>,
}

/// What happened to a tracked path.
#[derive(Debug, Clone, Copy)]
struct Change {
    kind: ChangeKind,
    /// Whether it happened in the work tree, not only in the index.
    in_work_tree: bool,
}

/// Ordered so that of two changes of one path the more telling is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ChangeKind {
    /// Other bytes than the commit's, unless a filter of the user made them.
    Unfiltered,
    Modified,
    TypeChanged,
    Added,
    Deleted,
    Conflicted,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unfiltered => "modified, or changed by a filter, which is not run",
            Self::Modified => "modified",
            Self::TypeChanged => "type changed",
            Self::Added => "added",
            Self::Deleted => "deleted",
            Self::Conflicted => "conflicted",
        })
    }
}

impl Changes {
    /// Compares as `git status` does, with the user's configuration: it decides which files are
    /// ignored and how lines end. No filter is run, whoever configured it: the content of a file in
    /// Git LFS is compared with its pointer here.
    pub(super) fn find(top: &Path) -> Result<Self, SourceError> {
        let failed = |source| GitError::Repository {
            action: "compare the work tree with the commit of",
            repository: top.to_owned(),
            source,
        };
        require_own_git(top)?;
        require_files_of_git(top)?;
        let mut repository = gix::open::Options::default()
            .permissions(permissions_of_a_user())
            .config_overrides([INDEX_OF_OTHERS])
            .open(top)
            .map_err(failed)?
            .to_thread_local();
        work_tree::require_files(&repository)?;
        conversion::forget_filters(&mut repository).map_err(failed)?;
        let full = index::expanded(&repository, top)?;
        let is_as_committed = full.is_none() && index::is_head(&repository);
        let mut status = repository
            .status(gix::progress::Discard)
            .map_err(failed)?
            .untracked_files(UntrackedFiles::Collapsed)
            .index_worktree_rewrites(None)
            .index_worktree_submodules(None)
            .tree_index_track_renames(gix::status::tree_index::TrackRenames::Disabled);
        if let Some(full) = full {
            status = status.index(IndexPersistedOrInMemory::InMemory(full));
        }

        let mut changes = Self::default();
        let mut conversions = Conversions::new(&repository);
        if is_as_committed {
            for item in status.into_index_worktree_iter(None).map_err(failed)? {
                changes.add(&item.map_err(failed)?.into(), &mut conversions);
            }
        } else {
            for item in status.into_iter(None).map_err(failed)? {
                changes.add(&item.map_err(failed)?, &mut conversions);
            }
        }
        changes.untracked.sort();
        Ok(changes)
    }

    /// Takes note of one item; several may come for one path, in any order.
    fn add(&mut self, item: &Item, conversions: &mut Conversions<'_>) {
        let path = item.location().to_owned();
        let kind = match item {
            Item::TreeIndex(IndexChange::Addition { .. }) => ChangeKind::Added,
            Item::TreeIndex(IndexChange::Deletion { .. }) => ChangeKind::Deleted,
            Item::TreeIndex(IndexChange::Modification { .. } | IndexChange::Rewrite { .. }) => {
                ChangeKind::Modified
            }
            Item::IndexWorktree(item) => match item.summary() {
                None => return,
                Some(Summary::Added) => {
                    self.untracked.push(path);
                    return;
                }
                Some(Summary::Removed) => ChangeKind::Deleted,
                Some(Summary::TypeChange) => ChangeKind::TypeChanged,
                Some(Summary::Conflict) => ChangeKind::Conflicted,
                Some(Summary::IntentToAdd) => ChangeKind::Added,
                Some(Summary::Modified | Summary::Renamed | Summary::Copied) => {
                    match conversions.explain(path.as_ref()) {
                        Conversion::None => ChangeKind::Modified,
                        Conversion::Pointer => return,
                        Conversion::Filter => ChangeKind::Unfiltered,
                    }
                }
            },
        };
        let in_work_tree = matches!(item, Item::IndexWorktree(_));
        let change = self
            .changed
            .entry(path)
            .or_insert(Change { kind, in_work_tree });
        change.kind = change.kind.max(kind);
        change.in_work_tree |= in_work_tree;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    pub(super) fn listing(&self) -> Listing {
        Listing(
            self.changed
                .iter()
                .map(|(path, change)| (change.kind.to_string(), path.to_str_lossy().into_owned()))
                .collect(),
        )
    }

    /// Names what git does not know and does not ignore.
    pub(super) fn untracked(&self) -> Vec<String> {
        self.untracked
            .iter()
            .map(|path| path.to_str_lossy().into_owned())
            .collect()
    }

    /// Lists what the index tracks, with the work tree's content where that differs.
    pub(super) fn apply(
        &self,
        repository: &gix::Repository,
        work_tree: &Path,
    ) -> Result<Vec<Entry>, SourceError> {
        let index = match index::expanded(repository, work_tree)? {
            Some(full) => IndexPersistedOrInMemory::InMemory(full),
            None => repository
                .index_or_empty()
                .map(IndexPersistedOrInMemory::Persisted)
                .map_err(|source| GitError::Repository {
                    action: "read the index of",
                    repository: work_tree.to_owned(),
                    source,
                })?,
        };
        let mut entries = Vec::new();
        let mut last: Option<&gix::bstr::BStr> = None;
        for entry in index.entries() {
            let path = entry.path(&index);
            // A conflict has up to three entries; the work tree has one file.
            if last == Some(path) {
                continue;
            }
            last = Some(path);
            if self
                .changed
                .get(path)
                .is_some_and(|change| change.in_work_tree)
            {
                entries.extend(from_work_tree(path, work_tree)?);
            } else {
                entries.push(Entry {
                    tracked: Tracked {
                        path: path.to_vec(),
                        kind: kind_in_index(entry.mode),
                    },
                    place: Place::Object(entry.id),
                });
            }
        }
        Ok(entries)
    }
}

fn permissions_of_a_user() -> gix::open::Permissions {
    let mut all = gix::open::Permissions::all();
    all.env.git_prefix = gix::sec::Permission::Deny;
    all.env.objects = gix::sec::Permission::Deny;
    all.config = permissions::Config {
        env: false,
        ..permissions::Config::all()
    };
    all
}

fn kind_in_index(mode: gix::index::entry::Mode) -> TrackedKind {
    use gix::index::entry::Mode;
    match mode {
        Mode::SYMLINK => TrackedKind::Link,
        Mode::COMMIT => TrackedKind::Submodule,
        Mode::FILE_EXECUTABLE => TrackedKind::File { executable: true },
        _ => TrackedKind::File { executable: false },
    }
}

/// Returns the entry for what lies at `path` now; none when it is gone.
fn from_work_tree(path: &gix::bstr::BStr, work_tree: &Path) -> Result<Option<Entry>, SourceError> {
    let relative = gix::path::from_bstr(path).map_err(|source| GitError::Repository {
        action: "find a changed file of",
        repository: work_tree.to_owned(),
        source,
    })?;
    // What lies beyond a link is not in the work tree, whatever its path.
    let mut above = relative.ancestors().skip(1);
    if above.any(|directory| work_tree.join(directory).is_symlink()) {
        return Ok(None);
    }
    let place = work_tree.join(relative);
    let metadata = match place.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(SourceError::io("cannot read", &place, error)),
    };
    let kind = if metadata.is_symlink() {
        TrackedKind::Link
    } else if metadata.is_file() {
        TrackedKind::File {
            executable: is_executable(&metadata),
        }
    } else {
        // A directory in a file's place is not tracked.
        return Ok(None);
    };
    Ok(Some(Entry {
        tracked: Tracked {
            path: path.to_vec(),
            kind,
        },
        place: Place::WorkTree(place),
    }))
}
