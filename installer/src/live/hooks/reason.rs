//! The file into which a command writes, in one line, why it fails. That line is for everybody, as
//! a reason is; what a command prints can hold secrets and never leaves the server.
//!
//! The file lies in the project's folder, because the state is closed to the user whom commands run
//! as. It has another name each time, so that what an earlier command left running does not write
//! into it. It is read through the descriptor that made it, so that nothing else is ever opened that
//! a command puts in its place.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, fchown};
use std::path::PathBuf;

use bulla_schemas::escape::escape;
use bulla_schemas::line::{in_one, shortened};
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, openat, unlinkat};

use crate::platform::child::User;
use crate::platform::directory::{entries, open_top};
use crate::site::Site;

/// Other users pass through the directory, and cannot list or change it.
const PASSABLE: u32 = 0o711;
/// Most characters of a reason, and most bytes that are read to find them.
const LONGEST: usize = 200;
const MOST: usize = 4096;

/// An empty file that only the user may read and write whom a command runs as.
#[derive(Debug)]
pub(super) struct ReasonFile {
    directory: OwnedFd,
    path: PathBuf,
    name: String,
    file: File,
}

impl ReasonFile {
    /// Makes the file. The project's lock is held, so no other command has one; a dead process may
    /// have left its own.
    pub(super) fn create(site: &Site, user: Option<&User>) -> io::Result<Self> {
        let path = std::path::absolute(site.reason_directory())?;
        match DirBuilder::new().mode(PASSABLE).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let directory = open_top(&path)?;
        require_ours(&directory)?;
        fchmod(&directory, Mode::from_raw_mode(PASSABLE))?;
        for left in entries(&directory)? {
            unlinkat(&directory, left?.file_name(), AtFlags::empty())?;
        }
        let name = format!("reason-{:016x}", fastrand::u64(..));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(openat(&directory, &*name, flags | OFlags::CLOEXEC, mode)?);
        let created = Self {
            directory,
            path,
            name,
            file,
        };
        if let Some(user) = user {
            fchown(&created.file, Some(user.uid), Some(user.gid))?;
        }
        Ok(created)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// Returns the first line that the command wrote, as far as it can be told to everybody.
    pub(super) fn read(&self) -> Option<String> {
        let mut bytes = [0; MOST];
        let count = self.file.read_at(&mut bytes, 0).ok()?;
        first_line(&bytes[..count])
    }
}

impl Drop for ReasonFile {
    fn drop(&mut self) {
        let _ = unlinkat(&self.directory, &*self.name, AtFlags::empty());
        let _ = fs::remove_dir(&self.path);
    }
}

/// Refuses a directory that was not made here.
fn require_ours(directory: &OwnedFd) -> io::Result<()> {
    let found = fstat(directory)?;
    let is_ours = found.st_uid == rustix::process::geteuid().as_raw();
    // 0700 is what a process with a strict umask leaves where it dies.
    if is_ours && matches!(found.st_mode & 0o7777, PASSABLE | 0o700) {
        return Ok(());
    }
    Err(ErrorKind::PermissionDenied.into())
}

fn first_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split(['\n', '\r', '\0']).map(in_one);
    let line = lines.find(|line| !line.is_empty())?;
    Some(shortened(&escape(&line), LONGEST))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::Path;

    use super::*;
    use crate::site::Server;

    fn project(folder: &Path) -> Site {
        let site = Server::new(folder, folder).site(&"billing".parse().unwrap());
        fs::create_dir(folder.join("billing")).unwrap();
        site
    }

    #[test]
    fn a_reason_is_the_first_line_cut_and_made_harmless() {
        let read = |text: &[u8]| first_line(text);
        assert_eq!(read(b"one\ntwo\n"), Some("one".to_owned()));
        assert_eq!(read(b"\n\n \t a  \tb \r\nc"), Some("a b".to_owned()));
        assert_eq!(read(b""), None);
        assert_eq!(read(&[0; MOST]), None);
        assert_eq!(read(b"a\xff\x1b[2J"), Some("a\u{fffd}\\u{1b}[2J".into()));
        let long = read("ü".repeat(MOST).as_bytes()).unwrap();
        assert_eq!(long.chars().count(), LONGEST + 1);
    }

    #[test]
    fn the_file_is_new_each_time_and_nothing_of_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let site = project(folder.path());
        let directory = site.reason_directory();
        // As a process leaves it that dies.
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        let left = directory.join("reason-of-another-hook");
        fs::write(&left, "of another hook").unwrap();
        let file = ReasonFile::create(&site, None).unwrap();
        assert!(!left.exists());
        assert_eq!(file.read(), None);
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o7777, PASSABLE);
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o600);
        fs::write(file.path(), "it is full\n").unwrap();
        assert_eq!(file.read().as_deref(), Some("it is full"));
        let known = file.path();
        drop(file);
        assert!(!directory.exists());
        let next = ReasonFile::create(&site, None).unwrap();
        assert_ne!(next.path(), known);
    }

    #[test]
    fn what_others_put_in_its_place_is_neither_read_nor_changed() {
        let folder = tempfile::tempdir().unwrap();
        let site = project(folder.path());
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("reason"), "kept").unwrap();
        symlink(&elsewhere, site.reason_directory()).unwrap();
        assert!(ReasonFile::create(&site, None).is_err());
        fs::remove_file(site.reason_directory()).unwrap();
        fs::rename(&elsewhere, site.reason_directory()).unwrap();
        assert!(ReasonFile::create(&site, None).is_err());
        let kept = site.reason_directory().join("reason");
        assert_eq!(fs::read_to_string(kept).unwrap(), "kept");
    }
}
