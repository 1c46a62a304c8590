//! Whether nothing touched a tree since its record was made: one `stat` per path, and no index is
//! read. That is what most trees are most of the time; what it does not say is found by comparing.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use rayon::prelude::*;
use rustix::fs::{FileType, readlinkat};
use rustix::process::geteuid;

use super::mode;
use crate::platform::directory::entries;
use crate::platform::seen;
use crate::state::record::{RecordedDirectory, RecordedFile, RecordedLink, TreeRecord};
use crate::tree::descent::Descent;

/// How many paths a thread takes at once.
const BATCH: usize = 512;

/// A tree that nothing touched since its record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untouched {
    /// Whether nobody gave any of it another owner, mode, flag or attribute since the installer wrote
    /// it, so that it can become another release as it is.
    pub(crate) is_as_written: bool,
}

/// Tells whether everything in a tree still has its stamp, and nothing was added.
pub(crate) fn is_untouched(record: &TreeRecord, tree: &Path) -> bool {
    look_over(record, tree).is_some()
}

/// Looks at everything in a tree once. `None` when something touched it.
pub(crate) fn look_over(record: &TreeRecord, tree: &Path) -> Option<Untouched> {
    let user = geteuid().as_raw();
    let mut top = Descent::open(tree).ok()?;
    let top = seen::look_at(top.go("").ok()?).ok()?;
    let paths = Recorded::all(record);
    if !has_only_known_names(&paths, tree).unwrap_or(false) {
        return None;
    }
    let look_at_some = |paths: &[Recorded<'_>]| {
        let mut descent = Descent::open(tree).ok()?;
        paths.iter().try_fold(true, |all, path| {
            Some(path.look(&mut descent, user).ok()?? && all)
        })
    };
    let batches = paths.par_chunks(BATCH).map(look_at_some);
    let all = batches.try_reduce(|| true, |left, right| Some(left && right))?;
    Some(Untouched {
        is_as_written: record.is_as_written && all && top.is_free_for(user),
    })
}

/// A recorded path.
#[derive(Clone, Copy)]
enum Recorded<'a> {
    Directory(&'a RecordedDirectory),
    Link(&'a RecordedLink),
    File(&'a RecordedFile),
}

impl<'a> Recorded<'a> {
    /// Returns all paths in their order, so that each directory is opened about once.
    fn all(record: &'a TreeRecord) -> Vec<Self> {
        let directories = record.directories.iter().map(Self::Directory);
        let links = record.links.iter().map(Self::Link);
        let files = record.files.iter().map(Self::File);
        let mut all: Vec<Self> = directories.chain(links).chain(files).collect();
        // Three sorted runs, which a stable sort merges.
        all.sort_by_key(Recorded::path);
        all
    }

    fn path(&self) -> &'a str {
        match self {
            Self::Directory(directory) => &directory.path,
            Self::Link(link) => &link.path,
            Self::File(file) => &file.path,
        }
    }

    /// Looks at the path. `None` when something touched it, else whether it is as written.
    fn look(&self, descent: &mut Descent, user: u32) -> io::Result<Option<bool>> {
        let (above, name) = descent.parent_of(self.path())?;
        Ok(match self {
            Self::Directory(recorded) => {
                let seen = seen::look(above, name)?;
                let is_untouched = seen.kind == FileType::Directory && seen.stamp == recorded.stamp;
                is_untouched.then(|| seen.mode == 0o555 && seen.is_free_for(user))
            }
            Self::File(recorded) => {
                let seen = seen::look(above, name)?;
                let is_untouched = seen.kind == FileType::RegularFile
                    && seen.stamp == recorded.stamp
                    && (!recorded.executable || mode::is_executable(seen.mode));
                is_untouched.then(|| seen.is_free_for(user) && recorded.is_as_written(&seen, user))
            }
            Self::Link(recorded) => {
                let target = readlinkat(above, name, Vec::new())?;
                (target.as_bytes() == recorded.target.as_bytes()).then_some(true)
            }
        })
    }
}

/// Returns the name at the top that a path lies below.
fn first<'a>(recorded: &Recorded<'a>) -> Option<&'a [u8]> {
    recorded.path().split('/').next().map(str::as_bytes)
}

/// The top has no stamp, because renaming a tree changes it, so it is listed.
fn has_only_known_names(paths: &[Recorded<'_>], tree: &Path) -> io::Result<bool> {
    // Each name comes once for every path below it.
    let known: HashSet<&[u8]> = paths
        .chunk_by(|left, right| first(left) == first(right))
        .filter_map(|below| first(&below[0]))
        .collect();
    let mut descent = Descent::open(tree)?;
    for entry in entries(descent.go("")?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !known.contains(name) {
            return Ok(false);
        }
    }
    Ok(true)
}
