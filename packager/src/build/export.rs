//! A revision written into an empty directory: everything that it tracks, with fixed modes and
//! times.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use bulla_bundle::Content;
use bulla_schemas::Timestamp;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use super::BuildError;
use super::surroundings::Order;
use crate::source::{Checkout, TrackedKind};

/// Writes all that `checkout` tracks into the empty directory `top`. Directories come first and
/// links last, so that nothing is ever written through a link.
pub(super) fn export(checkout: &Checkout, top: &Path, order: Order) -> Result<(), BuildError> {
    let mut entries: Vec<(PathBuf, usize)> = Vec::new();
    let mut directories = BTreeSet::new();
    for (position, tracked) in checkout.tracked().iter().enumerate() {
        let path = safe_path(&tracked.path)?;
        let is_directory = match tracked.kind {
            TrackedKind::Directory => true,
            TrackedKind::File { .. } | TrackedKind::Link => false,
            TrackedKind::Submodule | TrackedKind::External => {
                return Err(BuildError::NotThere { path });
            }
        };
        let first = usize::from(!is_directory);
        directories.extend(path.ancestors().skip(first).map(Path::to_owned));
        if !is_directory {
            entries.push((path, position));
        }
    }
    directories.remove(Path::new(""));
    // Sorted, a directory stands before what is in it.
    let mut directories: Vec<PathBuf> = directories.into_iter().collect();
    if order == Order::Backward {
        // By depth, for the same reason.
        directories.sort_by_cached_key(|path| (path.components().count(), Reverse(path.clone())));
        entries.reverse();
    }
    for directory in &directories {
        make_directory(&top.join(directory))
            .map_err(|source| BuildError::export(directory, source))?;
    }
    let committed = checkout.source.committed();
    let (links, files): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|(_, position)| checkout.tracked()[*position].kind == TrackedKind::Link);
    for (path, position) in &files {
        let executable =
            checkout.tracked()[*position].kind == TrackedKind::File { executable: true };
        write_file(checkout, *position, &top.join(path), executable, committed)
            .map_err(|source| BuildError::export(path, source))?;
    }
    for (path, position) in &links {
        write_link(checkout, *position, &top.join(path), committed)
            .map_err(|source| BuildError::export(path, source))?;
    }
    let whole = directories.iter().rev().map(PathBuf::as_path);
    for directory in whole.chain([Path::new("")]) {
        let set = File::open(top.join(directory)).and_then(|file| set_times(&file, committed));
        set.map_err(|source| BuildError::export(directory, source))?;
    }
    Ok(())
}

/// Takes a path that stays below where it begins. Repositories may hold others.
fn safe_path(bytes: &[u8]) -> Result<PathBuf, BuildError> {
    let path = Path::new(std::ffi::OsStr::from_bytes(bytes));
    let is_plain = !bytes.is_empty()
        && bytes
            .split(|byte| *byte == b'/')
            .all(|part| !part.is_empty() && part != b"." && part != b"..")
        && !bytes.contains(&0)
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
    if is_plain {
        Ok(path.to_owned())
    } else {
        Err(BuildError::UnsafePath {
            path: bytes.escape_ascii().to_string(),
        })
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn write_file(
    checkout: &Checkout,
    position: usize,
    path: &Path,
    executable: bool,
    committed: Timestamp,
) -> io::Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    match checkout.content(position)? {
        Content::Memory(bytes) => file.write_all(&bytes)?,
        Content::Stream { mut reader, .. } => {
            io::copy(&mut reader, &mut file)?;
        }
    }
    // Whatever the umask took away.
    file.set_permissions(Permissions::from_mode(mode))?;
    set_times(&file, committed)
}

fn write_link(
    checkout: &Checkout,
    position: usize,
    path: &Path,
    committed: Timestamp,
) -> io::Result<()> {
    const LONGEST: u64 = 4096;
    let target = checkout.read(position, LONGEST)?;
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&target), path)?;
    let time = Timespec {
        tv_sec: committed.as_seconds(),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(rustix::fs::utimensat(
        CWD,
        path,
        &times,
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

fn set_times(file: &File, committed: Timestamp) -> io::Result<()> {
    let seconds = committed.as_seconds();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    let time = time.unwrap_or(SystemTime::UNIX_EPOCH);
    file.set_times(FileTimes::new().set_accessed(time).set_modified(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_paths_that_lead_elsewhere() {
        assert_eq!(safe_path(b"a/b c/\xff").unwrap().components().count(), 3);
        for wrong in ["", "/a", "a/../b", "..", "./a", "a//b", "a/", "a\0b"] {
            assert!(safe_path(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
