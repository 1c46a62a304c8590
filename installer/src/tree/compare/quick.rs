//! A quick look at a tree: one `stat` per path, against the record that was made when it was
//! written. Finds what people and programs do, not what a failing disk does.

use std::path::Path;

use rayon::prelude::*;
use rustix::fs::{FileType, readlinkat};

use crate::platform::files::{FileError, OnPath as _};
use crate::platform::stamp::{self, Stamp};
use crate::state::record::{Recorded, RecordedPath, TreeRecord};
use crate::tree::descent::Descent;

/// Returns the paths that are not as they were written. A name that was added or removed changes
/// the time of its directory.
pub(crate) fn changed(record: &TreeRecord, tree: &Path) -> Result<Vec<String>, FileError> {
    // Opened once here, so that a tree that is gone is an error and not thousands of paths.
    Descent::open(tree).on("open", tree)?;
    let mut changed: Vec<String> = record
        .paths
        .par_chunks(512)
        .flat_map_iter(|paths| {
            let mut descent = Descent::open(tree).ok();
            paths
                .iter()
                .filter(move |path| {
                    !descent
                        .as_mut()
                        .is_some_and(|descent| is_as_written(descent, path))
                })
                .map(|path| path.path.clone())
        })
        .collect();
    changed.sort();
    Ok(changed)
}

fn is_as_written(descent: &mut Descent, recorded: &RecordedPath) -> bool {
    if recorded.path.is_empty() {
        return descent.go("").is_ok_and(|top| {
            Stamp::of(top).is_ok_and(|found| is_same_directory(&recorded.kind, &found))
        });
    }
    let Ok((directory, name)) = descent.parent_of(&recorded.path) else {
        return false;
    };
    let Ok(Some(stat)) = stamp::look(directory, name) else {
        return false;
    };
    let found = Stamp::from_stat(&stat);
    let kind = FileType::from_raw_mode(stat.st_mode);
    match &recorded.kind {
        Recorded::Directory { .. } => {
            kind == FileType::Directory && is_same_directory(&recorded.kind, &found)
        }
        Recorded::File { stamp, .. } => kind == FileType::RegularFile && stamp.matches(&found),
        Recorded::Link { target } => {
            kind == FileType::Symlink
                && readlinkat(directory, name, Vec::new())
                    .is_ok_and(|found| found.as_bytes() == target.as_bytes())
        }
    }
}

fn is_same_directory(recorded: &Recorded, found: &Stamp) -> bool {
    matches!(
        recorded,
        Recorded::Directory { inode, mtime } if *inode == found.inode && *mtime == found.mtime
    )
}
