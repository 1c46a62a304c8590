//! Recycling: the tree that retention would remove becomes the next release's tree, and only what
//! differs is touched. An update then costs what changed, and no two releases share a file.
//!
//! ```text
//! releases/<old>  ─▶  .staging/<new>      only what nothing uses and nobody touched
//!   a directory that stays as it is       is not even looked at again
//!   any other                             what stays of it stays, the rest is removed, and
//!                                         extraction writes what is missing
//! ```

use std::collections::HashSet;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, Timestamps, fchmod, readlinkat, unlinkat, utimensat};
use rustix::process::geteuid;

use super::descent::Descent;
use super::error::TreeError;
use super::expected::ExpectedKind;
use super::plan::{LocalTree, Origin, Plan, PlannedFile};
use super::remove;
use crate::failpoint::failpoint;
use crate::platform::directory::entries;
use crate::platform::files::Attempt as _;
use crate::platform::seen;
use crate::platform::stamp::{self, Stamp};
use crate::state::record::TreeRecord;

/// What a path may stay as.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Directory,
    Link(&'a str),
    File(&'a PlannedFile),
}

/// What stays of a tree that is recycled. It was untouched since its record was made, so the record
/// says what is in it.
pub(crate) struct Remains<'a> {
    plan: &'a Plan<'a>,
    record: &'a TreeRecord,
    /// The directories of the old tree in which something comes, goes or gets another time.
    touched: HashSet<&'a str>,
    user: u32,
}

impl<'a> Remains<'a> {
    /// Finds what the plan leaves of a tree.
    pub(crate) fn of(plan: &'a Plan<'a>, old: &'a LocalTree) -> Self {
        let record = &old.record;
        let mut touched: HashSet<&str> = changes(plan, record).map(above).collect();
        touched.retain(|directory| {
            let is_wanted = matches!(wanted(plan, directory), Some(Wanted::Directory));
            directory.is_empty() || (is_wanted && record.directory(directory).is_some())
        });
        Self {
            plan,
            record,
            touched,
            user: geteuid().as_raw(),
        }
    }

    /// Tells whether a directory of the new tree is there.
    pub(crate) fn has_directory(&self, path: &str) -> bool {
        self.record.directory(path).is_some()
    }

    /// Tells whether a link of the new tree is there.
    pub(crate) fn has_link(&self, path: &str, target: &str) -> bool {
        self.record.link(path) == Some(target)
    }

    /// Returns the stamp of a directory in which nothing changes.
    pub(crate) fn directory(&self, path: &str) -> Option<Stamp> {
        let stamp = self.record.directory(path)?;
        (!self.touched.contains(path)).then_some(stamp)
    }

    /// Returns the stamp of a file that stays as it is.
    pub(crate) fn file(&self, file: &PlannedFile) -> Option<Stamp> {
        staying(self.record, file).map(|recorded| self.record.file(recorded).stamp)
    }

    /// Removes what does not stay from the tree, which was moved to `top`.
    pub(crate) fn recycle(&self, top: &Path) -> Result<(), TreeError> {
        failpoint!("recycle::moved");
        let mut descent = Descent::open(top).attempt("open", top)?;
        for directory in &self.touched {
            let doomed = self
                .clean(&mut descent, directory)
                .attempt("recycle", top.join(directory))?;
            for doomed in doomed {
                remove::remove_tree(&top.join(doomed))?;
            }
        }
        failpoint!("recycle::cleaned");
        Ok(())
    }

    /// Removes files and links from a directory, and returns the directories that are to go.
    fn clean(&self, descent: &mut Descent, path: &str) -> io::Result<Vec<String>> {
        let directory = descent.go(path)?;
        fchmod(directory, Mode::RWXU)?;
        let mut doomed = Vec::new();
        for entry in entries(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let seen = seen::look(directory, name)?;
            let below = name.to_str().ok().map(|name| match path {
                "" => name.to_owned(),
                path => format!("{path}/{name}"),
            });
            let wanted = below.as_deref().and_then(|path| wanted(self.plan, path));
            match (seen.kind, wanted, below) {
                (FileType::Directory, Some(Wanted::Directory), _) => {}
                (FileType::Directory, _, Some(below)) => doomed.push(below),
                (FileType::Directory, _, None) => return Err(io::ErrorKind::InvalidFilename.into()),
                (FileType::Symlink, Some(Wanted::Link(target)), _)
                    if readlinkat(directory, name, Vec::new())?.as_bytes() == target.as_bytes() => {
                }
                (FileType::RegularFile, Some(Wanted::File(file)), Some(below))
                    if self
                        .record
                        .get(&below)
                        .is_some_and(|recorded| recorded.is_as_written(&seen, self.user)) =>
                {
                    if seen.stamp.mtime != file.mtime {
                        let time = stamp::timespec(file.mtime)?;
                        let times = Timestamps {
                            last_access: time,
                            last_modification: time,
                        };
                        utimensat(directory, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
                    }
                }
                _ => unlinkat(directory, name, AtFlags::empty())?,
            }
        }
        Ok(doomed)
    }
}

/// Returns what a path may stay as.
fn wanted<'a>(plan: &'a Plan<'_>, path: &str) -> Option<Wanted<'a>> {
    let expected = plan.expected.as_slice();
    let position = expected.binary_search_by(|expected| expected.path.as_ref().cmp(path));
    let position = position.ok()?;
    match &expected[position].kind {
        ExpectedKind::Directory => Some(Wanted::Directory),
        ExpectedKind::Link { target } => Some(Wanted::Link(target)),
        ExpectedKind::File { .. } => {
            let file = plan
                .files
                .binary_search_by_key(&position, |file| file.expected);
            let file = &plan.files[file.ok()?];
            file.is_in_place().then_some(Wanted::File(file))
        }
    }
}

/// Returns the paths of both trees that do not stay as they are.
fn changes<'a>(plan: &'a Plan<'_>, record: &'a TreeRecord) -> impl Iterator<Item = &'a str> {
    let mut stay = vec![false; record.files().len()];
    for recorded in plan.files.iter().filter_map(|file| staying(record, file)) {
        stay[recorded] = true;
    }
    let files = record.files().zip(stay);
    let files = files.filter_map(|(file, stays)| (!stays).then_some(file.path));
    let new_files = plan.files.iter().filter(|file| !file.is_in_place());
    let new_files = new_files.map(|file| plan.expected[file.expected].path.as_ref());
    let links = record.links().map(|link| link.path);
    let directories = record.directories().map(|found| found.path);
    let others = plan.expected.iter().filter_map(|expected| {
        let is_file = matches!(expected.kind, ExpectedKind::File { .. });
        (!is_file).then_some(expected.path.as_ref())
    });
    let others = links
        .chain(directories)
        .chain(others)
        .filter(|path| !match wanted(plan, path) {
            Some(Wanted::Directory) => record.directory(path).is_some(),
            Some(Wanted::Link(target)) => record.link(path) == Some(target),
            Some(Wanted::File(_)) | None => false,
        });
    files.chain(new_files).chain(others)
}

/// Returns which recorded file a planned one is, when that stays with its time.
fn staying(record: &TreeRecord, file: &PlannedFile) -> Option<usize> {
    match file.origin {
        Origin::InPlace { recorded } if record.file(recorded).stamp.mtime == file.mtime => {
            Some(recorded)
        }
        _ => None,
    }
}

/// Returns the directory that a path lies in.
fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}
