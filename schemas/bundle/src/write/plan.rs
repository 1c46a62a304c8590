//! `Plan`: the entries of a tree in the order of the tar, complete and checked, before the first
//! byte is read.

use bulla_schemas::install::Install;
use bulla_schemas::release;
use bulla_schemas::{EntryPath, LinkTarget};
use foldhash::HashSet;

use super::error::WriteError;
use crate::limits::Limits;
use crate::rules;
use crate::source::{SourceKind, SourceTree};

/// An entry that will be in the tar.
#[derive(Debug, Clone)]
pub(super) struct PlannedEntry {
    pub(super) path: EntryPath,
    pub(super) kind: PlannedKind,
}

#[derive(Debug, Clone)]
pub(super) enum PlannedKind {
    Directory,
    /// A file, its position in the source, and its content where that is known.
    File {
        executable: bool,
        position: usize,
        known: Option<release::Content>,
    },
    Link {
        target: LinkTarget,
    },
}

/// All entries, in order.
#[derive(Debug)]
pub(super) struct Plan {
    entries: Vec<PlannedEntry>,
}

impl Plan {
    /// Sorts the entries of `tree`, adds the directories that it does not name, and checks them.
    pub(super) fn new(
        tree: &dyn SourceTree,
        install: &Install,
        limits: &Limits,
    ) -> Result<Self, WriteError> {
        let mut entries = planned(tree)?;
        let missing = missing_directories(&entries);
        entries.extend(missing);
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        rules::check_entries(
            entries
                .iter()
                .map(|entry| (&entry.path, matches!(entry.kind, PlannedKind::Directory))),
            install,
            limits,
        )?;
        Ok(Self { entries })
    }

    /// Returns how many files' contents are not known, and how many files there are.
    pub(super) fn unknown(&self) -> (usize, usize) {
        let files = self.entries.iter().filter_map(|entry| match entry.kind {
            PlannedKind::File { known, .. } => Some(known.is_none()),
            _ => None,
        });
        files.fold((0, 0), |(unknown, all), is_unknown| {
            (unknown + usize::from(is_unknown), all + 1)
        })
    }

    pub(super) fn entries(&self) -> &[PlannedEntry] {
        &self.entries
    }
}

fn planned(tree: &dyn SourceTree) -> Result<Vec<PlannedEntry>, WriteError> {
    let mut planned = Vec::with_capacity(tree.entries().len());
    for (position, entry) in tree.entries().iter().enumerate() {
        let path = entry.path.clone();
        let kind = match &entry.kind {
            SourceKind::Directory => PlannedKind::Directory,
            SourceKind::File { executable, known } => PlannedKind::File {
                executable: *executable,
                position,
                known: *known,
            },
            // The target was checked for some path; the reader will check it for this one.
            SourceKind::Link { target } => match LinkTarget::new(target.as_str(), &path) {
                Ok(target) => PlannedKind::Link { target },
                Err(source) => return Err(WriteError::Link { path, source }),
            },
        };
        planned.push(PlannedEntry { path, kind });
    }
    Ok(planned)
}

/// Returns the directories that no entry names, in no order.
fn missing_directories(entries: &[PlannedEntry]) -> Vec<PlannedEntry> {
    let known: HashSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut added = HashSet::default();
    let mut missing = Vec::new();
    let mut last = None;
    for entry in entries {
        // In a sorted tree most entries lie beside the one before.
        let directory = entry.path.parent_str();
        if directory == last {
            continue;
        }
        last = directory;
        let mut parent = entry.path.parent();
        while let Some(path) = parent.filter(|path| !known.contains(path.as_str())) {
            parent = path.parent();
            if !added.insert(path.clone()) {
                break;
            }
            missing.push(PlannedEntry {
                path,
                kind: PlannedKind::Directory,
            });
        }
    }
    missing
}
