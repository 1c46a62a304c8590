//! Which of the tracked entries belong to a release.
//!
//! `include` and `exclude` are read as a `.gitignore` file would be: a pattern that matches a
//! directory takes everything in it along. What is left must be fit for any server: names in
//! UTF-8, links that stay inside, no submodules and externals, nothing at persistent paths.

mod error;

use std::cell::LazyCell;
use std::io;

use bulla_bundle::{Content, SourceEntry, SourceKind, SourceTree};
use bulla_schemas::install::PersistentPath;
use bulla_schemas::recipe::Recipe;
use bulla_schemas::{EntryPath, LinkTarget};
use foldhash::{HashMap, HashSet};

use crate::cache::Record;
use crate::filter::Filter;
use crate::source::{Checkout, ContentId, Tracked, TrackedKind};
pub use error::SelectError;

/// The entries of a checkout that belong to a release.
pub struct Selection {
    checkout: Checkout,
    /// In the order of the tar.
    entries: Vec<SourceEntry>,
    /// For each entry, its position in the checkout.
    positions: Vec<usize>,
}

impl SourceTree for Selection {
    fn entries(&self) -> &[SourceEntry] {
        &self.entries
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        self.checkout.content(self.positions[position])
    }
}

/// Applies the recipe to what a checkout tracks.
pub fn select(checkout: Checkout, recipe: &Recipe) -> Result<Selection, SelectError> {
    let filter = Filter::new(&recipe.bundle).map_err(SelectError::Pattern)?;
    let mut judge = filter.judge();

    let holding: LazyCell<HashSet<&[u8]>, _> =
        LazyCell::new(|| checkout.tracked().iter().filter_map(parent).collect());
    let mut selected = Vec::with_capacity(checkout.tracked().len());
    for (position, tracked) in checkout.tracked().iter().enumerate() {
        // Only an empty directory says something. One that loses its content to `exclude` goes
        // with it, as in git.
        if tracked.kind == TrackedKind::Directory && holding.contains(&*tracked.path) {
            continue;
        }
        let name = String::from_utf8_lossy(&tracked.path);
        let is_directory = matches!(
            tracked.kind,
            TrackedKind::Directory | TrackedKind::Submodule
        );
        if !judge.takes(&name, is_directory) {
            continue;
        }
        selected.push((entry(&checkout, position, tracked)?, position));
    }
    // Nothing to do where they come from git.
    selected.sort_by(|(left, _), (right, _)| left.path.cmp(&right.path));
    let (entries, positions): (Vec<_>, Vec<_>) = selected.into_iter().unzip();
    if !entries
        .iter()
        .any(|entry| !matches!(entry.kind, SourceKind::Directory))
    {
        return Err(SelectError::Nothing {
            tracked: checkout.tracked().len(),
        });
    }
    refuse_persistent(&entries, &recipe.install.persist)?;
    Ok(Selection {
        checkout,
        entries,
        positions,
    })
}

impl Selection {
    /// Takes note of the contents that the last pack read, by their names.
    pub fn know(&mut self, last: &Record) {
        let mut before = last.files().peekable();
        // Where a name lay elsewhere, or nowhere.
        let mut moved: HashMap<ContentId, Vec<usize>> = HashMap::default();
        for (number, position) in self.positions.iter().enumerate() {
            let Some(id) = self.checkout.id(*position) else {
                continue;
            };
            let entry = &mut self.entries[number];
            while before.next_if(|file| file.path < &entry.path).is_some() {}
            match before.peek() {
                Some(file) if file.path == &entry.path && file.id == id => {
                    entry.know(file.content);
                }
                _ => moved.entry(id).or_default().push(number),
            }
        }
        if moved.is_empty() {
            return;
        }
        for file in last.files() {
            for number in moved.get(&file.id).into_iter().flatten() {
                self.entries[*number].know(file.content);
            }
        }
    }

    /// Returns the files whose content has a name, in the order of the tar.
    pub fn ids(&self) -> impl Iterator<Item = (&EntryPath, ContentId)> {
        let entries = self.entries.iter().zip(&self.positions);
        entries.filter_map(|(entry, position)| Some((&entry.path, self.checkout.id(*position)?)))
    }

    /// Returns the checkout that the entries come from.
    pub(crate) const fn checkout(&self) -> &Checkout {
        &self.checkout
    }

    /// Returns the checkout that the entries come from.
    pub fn into_checkout(self) -> Checkout {
        self.checkout
    }
}

fn parent(tracked: &Tracked) -> Option<&[u8]> {
    let end = tracked.path.iter().rposition(|byte| *byte == b'/')?;
    Some(&tracked.path[..end])
}

/// Checks one entry and reads the target of a link.
fn entry(
    checkout: &Checkout,
    position: usize,
    tracked: &Tracked,
) -> Result<SourceEntry, SelectError> {
    let name = || String::from_utf8_lossy(&tracked.path).into_owned();
    let text = std::str::from_utf8(&tracked.path).map_err(|_| SelectError::NotUtf8 {
        path: tracked.path.escape_ascii().to_string(),
    })?;
    let path: EntryPath = text.parse().map_err(SelectError::Path)?;
    let kind = match tracked.kind {
        TrackedKind::Directory => SourceKind::Directory,
        TrackedKind::File { executable } => SourceKind::File {
            executable,
            known: None,
        },
        TrackedKind::Submodule => return Err(SelectError::Submodule { path: name() }),
        TrackedKind::External => return Err(SelectError::External { path: name() }),
        TrackedKind::Link => {
            let target = checkout
                .read(position, EntryPath::MAX_LEN as u64)
                .map_err(|source| SelectError::Read {
                    path: name(),
                    source,
                })?;
            let target = String::from_utf8(target).map_err(|error| SelectError::TargetNotUtf8 {
                path: name(),
                target: error.as_bytes().escape_ascii().to_string(),
            })?;
            let target = LinkTarget::new(&target, &path).map_err(|source| SelectError::Link {
                path: name(),
                source,
            })?;
            SourceKind::Link { target }
        }
    };
    Ok(SourceEntry { path, kind })
}

/// What is kept across releases cannot be part of one.
fn refuse_persistent(
    entries: &[SourceEntry],
    persist: &[PersistentPath],
) -> Result<(), SelectError> {
    for persistent in persist.iter().map(PersistentPath::path) {
        let clash = entries.iter().find(|entry| {
            entry.path.is_within(persistent)
                || (persistent.is_within(&entry.path) && entry.kind != SourceKind::Directory)
        });
        if let Some(entry) = clash {
            return Err(SelectError::Persistent {
                persistent: persistent.clone(),
                tracked: entry.path.clone(),
            });
        }
    }
    Ok(())
}
