//! Recycling: the tree that retention would remove becomes the next release's tree, and only what
//! differs is touched. An update then costs what changed, and no two releases share a file.
//!
//! ```text
//! releases/<old>  ─▶  .staging/<new>      only what nothing uses and nobody changed
//!   every path     as the record says, and wanted: stays
//!                  anything else: removed, and written anew by extraction
//! ```

use std::collections::HashMap;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, Timestamps, fchmod, statat, unlinkat, utimensat};

use super::descent::Descent;
use super::error::TreeError;
use super::expected::ExpectedKind;
use super::plan::{self, Origin, Plan, PlannedFile};
use super::remove;
use crate::failpoint::failpoint;
use crate::platform::directory::entries;
use crate::platform::files::Attempt as _;
use crate::platform::stamp::{self, Stamp};
use crate::state::record::TreeRecord;

/// Removes from an old tree, which was moved to `top`, whatever the plan does not leave in place.
pub(crate) fn recycle(plan: &Plan<'_>, old: &TreeRecord, top: &Path) -> Result<(), TreeError> {
    failpoint!("recycle::moved");
    let wanted = wanted(plan);
    let mut descent = Descent::open(top).attempt("open", top)?;
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        let cleaned = clean(&mut descent, &directory, &wanted, old)
            .attempt("recycle", top.join(&directory))?;
        for doomed in cleaned.doomed {
            remove::remove_tree(&top.join(doomed))?;
        }
        directories.extend(cleaned.directories);
    }
    failpoint!("recycle::cleaned");
    Ok(())
}

/// What a path may stay as.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Directory,
    File(&'a PlannedFile),
}

fn wanted<'a>(plan: &'a Plan<'_>) -> HashMap<&'a str, Wanted<'a>> {
    let in_place = plan
        .files
        .iter()
        .filter(|file| file.origin == Origin::InPlace)
        .map(|file| {
            let path = plan.expected[file.expected].path.as_ref();
            (path, Wanted::File(file))
        });
    plan.expected
        .iter()
        .filter(|expected| matches!(expected.kind, ExpectedKind::Directory))
        .map(|expected| (expected.path.as_ref(), Wanted::Directory))
        .chain(in_place)
        .collect()
}

/// What a directory held.
#[derive(Default)]
struct Cleaned {
    /// Directories that stay, and are cleaned next.
    directories: Vec<String>,
    /// Directories that go.
    doomed: Vec<String>,
}

fn clean(
    descent: &mut Descent,
    path: &str,
    wanted: &HashMap<&str, Wanted<'_>>,
    record: &TreeRecord,
) -> io::Result<Cleaned> {
    let directory = descent.go(path)?;
    fchmod(directory, Mode::RWXU)?;
    let mut cleaned = Cleaned::default();
    for entry in entries(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let below = name.to_str().ok().map(|name| match path {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        });
        match (
            kind,
            below.as_deref().and_then(|path| wanted.get(path)),
            below,
        ) {
            (FileType::Directory, Some(Wanted::Directory), Some(below)) => {
                cleaned.directories.push(below);
            }
            (FileType::Directory, _, Some(below)) => cleaned.doomed.push(below),
            (FileType::Directory, _, None) => return Err(io::ErrorKind::InvalidFilename.into()),
            (FileType::RegularFile, Some(Wanted::File(file)), Some(below))
                if record
                    .get(&below)
                    .is_some_and(|recorded| plan::is_own(recorded, &stat)) =>
            {
                if Stamp::from_stat(&stat).mtime != file.mtime {
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
    Ok(cleaned)
}
