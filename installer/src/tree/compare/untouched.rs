//! Whether nothing touched a tree since its record was made: one `stat` per path, and no index is
//! read. That is what most trees are most of the time; what it does not say is found by comparing.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use bulla_schemas::path::RELEASE_FILE;
use rayon::prelude::*;
use rustix::fs::{FileType, Stat, readlinkat};

use super::mode;
use crate::platform::directory::entries;
use crate::platform::stamp::{self, Stamp};
use crate::state::record::TreeRecord;
use crate::tree::descent::Descent;

/// How many paths a thread takes at once.
const BATCH: usize = 512;

/// Tells whether everything in a tree still has its stamp, and nothing was added.
pub(crate) fn is_untouched(record: &TreeRecord, tree: &Path) -> bool {
    has_only_known_names(record, tree).unwrap_or(false)
        && record.directories.par_chunks(BATCH).all(|directories| {
            all(tree, directories, |descent, directory| {
                let found = look(descent, &directory.path)?;
                Ok(is(&found, FileType::Directory) && Stamp::from_stat(&found) == directory.stamp)
            })
        })
        && record.files.par_chunks(BATCH).all(|files| {
            all(tree, files, |descent, file| {
                let found = look(descent, &file.path)?;
                Ok(is(&found, FileType::RegularFile)
                    && Stamp::from_stat(&found) == file.stamp
                    && (!file.executable || mode::is_executable(found.st_mode & 0o7777)))
            })
        })
        && record.links.par_chunks(BATCH).all(|links| {
            all(tree, links, |descent, link| {
                let (directory, name) = descent.parent_of(&link.path)?;
                let target = readlinkat(directory, name, Vec::new())?;
                Ok(target.as_bytes() == link.target.as_bytes())
            })
        })
}

fn all<T>(
    tree: &Path,
    paths: &[T],
    is_untouched: impl Fn(&mut Descent, &T) -> io::Result<bool>,
) -> bool {
    let Ok(mut descent) = Descent::open(tree) else {
        return false;
    };
    paths
        .iter()
        .all(|path| is_untouched(&mut descent, path).unwrap_or(false))
}

/// The top has no stamp, because renaming a tree changes it, so it is listed.
fn has_only_known_names(record: &TreeRecord, tree: &Path) -> io::Result<bool> {
    let paths = record.directories.iter().map(|found| &found.path);
    let paths = paths.chain(record.links.iter().map(|found| &found.path));
    let paths = paths.chain(record.files.iter().map(|found| &found.path));
    let known: HashSet<&[u8]> = paths
        .map(|path| path.split('/').next().unwrap_or(path).as_bytes())
        .collect();
    let mut descent = Descent::open(tree)?;
    for entry in entries(descent.go("")?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != RELEASE_FILE.as_bytes() && !known.contains(name) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn look(descent: &mut Descent, path: &str) -> io::Result<Stat> {
    let (directory, name) = descent.parent_of(path)?;
    Ok(stamp::look(directory, name)?.ok_or(io::ErrorKind::NotFound)?)
}

fn is(found: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(found.st_mode) == kind
}
