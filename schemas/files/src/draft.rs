//! `Draft`: a file that is being written, so that no reader ever finds half of it.
//!
//! Where the file system can (`O_TMPFILE`), it has no name at all until it is complete: whatever
//! ends the program leaves nothing. Elsewhere it has a temporary one beside its own.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::directory::{parent_of, sync_directory};
use crate::error::{Attempt as _, FileError};

/// How the name of a file begins that is not complete.
pub(crate) const PREFIX: &str = ".bulla-new-";

/// Tells whether a file with this name is a write that a crash cut short. Whoever owns the directory
/// may remove it.
pub fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Who may read a file, and write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner: state of ours.
    Owner,
    /// Whom the umask allows, as for any file that a person asks for.
    Umask,
}

impl Readers {
    const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Umask => 0o666,
        }
    }
}

/// A file without its name; gone when it is dropped.
#[derive(Debug)]
pub struct Draft {
    file: File,
    /// Absent where the file needs no name yet.
    temporary: Option<TempPath>,
    readers: Readers,
    path: PathBuf,
}

impl Draft {
    /// Begins a file that will lie at `path`, in a directory that is there.
    pub fn begin(path: &Path, readers: Readers) -> Result<Self, FileError> {
        require_place(path).attempt("write", path)?;
        Self::begin_over(path, readers)
    }

    /// Begins a file that may replace whatever lies at `path`, except for a directory.
    pub(crate) fn begin_over(path: &Path, readers: Readers) -> Result<Self, FileError> {
        let directory = parent_of(path);
        let (file, temporary) = if let Some(file) = unnamed(directory, readers) {
            (file, None)
        } else {
            let file = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(permissions(readers))
                .tempfile_in(directory)
                .attempt("write", path)?;
            let (file, temporary) = file.into_parts();
            (file, Some(temporary))
        };
        Ok(Self {
            file,
            temporary,
            readers,
            path: path.to_owned(),
        })
    }

    /// Returns where to write.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Returns where the file will lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the content durable that was written so far.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        self.file.sync_all().attempt("write", &self.path)
    }

    /// Puts the file in place, durably. What was there before is there until then.
    pub fn put(self) -> Result<(), FileError> {
        self.sync()?;
        let directory = parent_of(&self.path).to_owned();
        self.put_later()?;
        sync_directory(&directory)
    }

    /// Puts the file in place; it is durable once its file system is synced, or once that was done
    /// to its content before and to its directory after.
    pub fn put_later(self) -> Result<(), FileError> {
        let put = || {
            let temporary = match self.temporary {
                Some(temporary) => temporary,
                // A link cannot replace what is there; a rename can.
                None => tempfile::Builder::new()
                    .prefix(PREFIX)
                    .permissions(permissions(self.readers))
                    .make_in(parent_of(&self.path), |name| link(&self.file, name))?
                    .into_temp_path(),
            };
            temporary.persist(&self.path)?;
            Ok(())
        };
        put().attempt("write", &self.path)
    }

    /// Puts the file in place, durably, unless another has the name; tells whether it did.
    pub fn put_new(self) -> Result<bool, FileError> {
        let put = || {
            self.file.sync_all()?;
            match self.temporary {
                Some(temporary) => Ok(temporary.persist_noclobber(&self.path)?),
                None => link(&self.file, &self.path),
            }
        };
        match put() {
            Ok(()) => sync_directory(parent_of(&self.path)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error).attempt("write", &self.path),
        }
    }
}

/// A rename would put a file in the place of a device, `/dev/null` for example.
fn require_place(path: &Path) -> io::Result<()> {
    let ends_with_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    match path.metadata() {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if !found.is_dir() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "expected a regular file or nothing, found a device or pipe",
        )),
        Err(_) if !ends_with_slash => Ok(()),
        _ => Err(io::ErrorKind::IsADirectory.into()),
    }
}

#[cfg(unix)]
fn permissions(readers: Readers) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(readers.mode())
}

/// Where Linux shows the files that this process has open; a name can be given through it.
#[cfg(target_os = "linux")]
const OPEN_FILES: &str = "/proc/self/fd";

/// Opens a file without a name, on the file system of `directory`.
#[cfg(target_os = "linux")]
fn unnamed(directory: &Path, readers: Readers) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(readers.mode());
    let file = rustix::fs::open(directory, flags, mode).ok()?;
    Path::new(OPEN_FILES).is_dir().then(|| file.into())
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path, _: Readers) -> Option<File> {
    None
}

/// Gives a name to a file that has none.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd as _;
    let open = format!("{OPEN_FILES}/{}", file.as_raw_fd());
    Ok(linkat(CWD, open, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn nothing_is_there_before_it_is_put_and_after_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bulla");
        fs::write(&path, "before").unwrap();
        let mut draft = Draft::begin(&path, Readers::Umask).unwrap();
        draft.file().write_all(b"half").unwrap();
        let named: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        for entry in named {
            let name = entry.unwrap().file_name();
            assert!(name == "a.bulla" || is_temporary(&name), "{name:?}");
        }
        drop(draft);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_two_new_files_the_first_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut first = Draft::begin(&path, Readers::Owner).unwrap();
        let mut second = Draft::begin(&path, Readers::Owner).unwrap();
        first.file().write_all(b"first").unwrap();
        second.file().write_all(b"second").unwrap();
        assert!(first.put_new().unwrap());
        assert!(!second.put_new().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_and_a_directory_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for path in [Path::new("/dev/null"), folder.path(), Path::new("absent/")] {
            let error = Draft::begin(path, Readers::Owner).unwrap_err();
            assert_eq!(error.path(), path);
        }
    }
}
