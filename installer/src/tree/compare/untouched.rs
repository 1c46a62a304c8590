//! Whether nothing touched a tree since its record was made: one `stat` per path, and no index is
//! read. That is what most trees are most of the time; what it does not say is found by comparing.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use memchr::memchr;
use rayon::prelude::*;
use rustix::fs::{FileType, readlinkat};
use rustix::process::geteuid;

use super::mode;
use crate::platform::directory::entries;
use crate::platform::seen;
use crate::state::record::TreeRecord;
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
    if !has_only_known_names(record, &paths, tree).unwrap_or(false) {
        return None;
    }
    let look_at_some = |paths: &[Recorded]| {
        let mut descent = Descent::open(tree).ok()?;
        paths.iter().try_fold(true, |all, path| {
            Some(path.look(record, &mut descent, user).ok()?? && all)
        })
    };
    let batches = paths.par_chunks(BATCH).map(look_at_some);
    let all = batches.try_reduce(|| true, |left, right| Some(left && right))?;
    Some(Untouched {
        is_as_written: record.is_as_written && all && top.is_free_for(user),
    })
}

/// A recorded path, by its position in the list of its kind.
#[derive(Clone, Copy)]
enum Recorded {
    Directory(usize),
    Link(usize),
    File(usize),
}

impl Recorded {
    /// Returns all paths in their order, so that each directory is opened about once.
    fn all(record: &TreeRecord) -> Vec<Self> {
        let directories = (0..record.directories().len()).map(Self::Directory);
        let links = (0..record.links().len()).map(Self::Link);
        let mut others: Vec<Self> = directories.chain(links).collect();
        others.sort_by_key(|other| other.path(record));
        let mut all = Vec::with_capacity(others.len() + record.files().len());
        let mut others = others.into_iter().peekable();
        for (position, file) in record.files().enumerate() {
            while let Some(other) = others.next_if(|other| other.path(record) < file.path) {
                all.push(other);
            }
            all.push(Self::File(position));
        }
        all.extend(others);
        all
    }

    fn path(self, record: &TreeRecord) -> &str {
        match self {
            Self::Directory(position) => record.directory_at(position).path,
            Self::Link(position) => record.link_at(position).path,
            Self::File(position) => record.file(position).path,
        }
    }

    /// Looks at the path. `None` when something touched it, else whether it is as written.
    fn look(
        self,
        record: &TreeRecord,
        descent: &mut Descent,
        user: u32,
    ) -> io::Result<Option<bool>> {
        let (above, name) = descent.parent_of(self.path(record))?;
        Ok(match self {
            Self::Directory(position) => {
                let seen = seen::look(above, name)?;
                let is_untouched = seen.kind == FileType::Directory
                    && seen.stamp == record.directory_at(position).stamp;
                is_untouched.then(|| seen.mode == 0o555 && seen.is_free_for(user))
            }
            Self::File(position) => {
                let recorded = record.file(position);
                let seen = seen::look(above, name)?;
                let is_untouched = seen.kind == FileType::RegularFile
                    && seen.stamp == recorded.stamp
                    && (!recorded.executable || mode::is_executable(seen.mode));
                is_untouched.then(|| seen.is_free_for(user) && recorded.is_as_written(&seen, user))
            }
            Self::Link(position) => {
                let target = readlinkat(above, name, Vec::new())?;
                let recorded = record.link_at(position).target;
                (target.as_bytes() == recorded.as_bytes()).then_some(true)
            }
        })
    }
}

/// Returns the name at the top that a path lies below.
fn first(path: &str) -> &[u8] {
    let path = path.as_bytes();
    memchr(b'/', path).map_or(path, |end| &path[..end])
}

/// The top has no stamp, because renaming a tree changes it, so it is listed.
fn has_only_known_names(record: &TreeRecord, paths: &[Recorded], tree: &Path) -> io::Result<bool> {
    // Each name comes once for every path below it.
    let mut names: Vec<&[u8]> = Vec::new();
    for path in paths {
        let name = first(path.path(record));
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    let known: HashSet<&[u8]> = names.into_iter().collect();
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
