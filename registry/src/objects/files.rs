//! Objects as files below one folder.

use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bulla_files::{Attempt as _, FileError, Taken};

use super::stamp::Stamp;

/// Longer than a tick of the clock that files have their times from.
const TICK: Duration = Duration::from_millis(100);

/// How objects are taken from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copying {
    /// As other names of the same files where that can be: what happens to their bytes happens to
    /// both.
    Linking,
    /// As copies.
    Apart,
}

/// A folder of objects.
#[derive(Debug, Clone)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<(u64, File)>, FileError> {
        let path = self.path(key);
        match bulla_files::open_file(&path) {
            Ok(file) => {
                let size = file.metadata().attempt("read", &path)?.len();
                Ok(Some((size, file)))
            }
            Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, FileError> {
        match self.metadata(key)? {
            Some(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            // Says what lies there.
            Some(_) => Ok(self.get(key)?.map(|(size, _)| size)),
            None => Ok(None),
        }
    }

    pub(super) fn changed(&self, key: &str) -> Result<Option<SystemTime>, FileError> {
        let metadata = self.metadata(key)?;
        let changed = metadata.map(|metadata| metadata.modified());
        changed.transpose().attempt("read", self.path(key))
    }

    /// A file that has just changed has no stamp yet: another change within the same tick of the clock
    /// would not show.
    pub(super) fn stamp(&self, key: &str) -> Option<Stamp> {
        let metadata = self.metadata(key).ok()??;
        let seconds = u64::try_from(metadata.ctime()).ok()?;
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        let is_settled = changed.elapsed().is_ok_and(|age| age > TICK);
        (metadata.is_file() && is_settled).then(|| Stamp {
            file: metadata.ino(),
            size: metadata.len(),
            changed,
        })
    }

    pub(super) fn adopt(&self, key: &str, file: &Path) -> Result<(), FileError> {
        bulla_files::rename(file, &self.path(key))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        bulla_files::rename(&self.path(from), &self.path(to))
    }

    pub(super) fn remove(&self, key: &str) -> Result<bool, FileError> {
        bulla_files::remove(&self.path(key))
    }

    pub(super) fn replace(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        bulla_files::write(&self.path(key), content)
    }

    pub(super) fn replace_later(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        bulla_files::write_later(&self.path(key), content)
    }

    pub(super) fn remove_later(&self, key: &str) -> Result<(), FileError> {
        bulla_files::remove_later(&self.path(key))
    }

    pub(super) fn take_later(
        &self,
        key: &str,
        from: &Self,
        copying: Copying,
    ) -> Result<Option<Taken>, FileError> {
        let (source, target) = (from.path(key), self.path(key));
        let taken = match copying {
            Copying::Linking => bulla_files::link_later(&source, &target),
            Copying::Apart => bulla_files::copy_later(&source, &target).map(|()| Taken::Copied),
        };
        match taken {
            Ok(taken) => Ok(Some(taken)),
            Err(error)
                if error.path() == source && error.io_kind() == Some(io::ErrorKind::NotFound) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A copy has the time of its original.
    pub(super) fn is_as_in(&self, key: &str, from: &Self) -> Result<bool, FileError> {
        let (Some(here), Some(there)) = (self.metadata(key)?, from.metadata(key)?) else {
            return Ok(false);
        };
        let times = here
            .modified()
            .and_then(|here| Ok(here == there.modified()?));
        let is_same_time = times.attempt("look at", self.path(key))?;
        Ok(here.is_file() && here.len() == there.len() && is_same_time)
    }

    /// Folders may be disks of their own.
    pub(super) fn sync(&self) -> Result<(), FileError> {
        for entry in std::fs::read_dir(&self.root).attempt("read", &self.root)? {
            let path = entry.attempt("read", &self.root)?.path();
            if path.is_dir() && !bulla_files::is_same_file_system(&path, &self.root)? {
                bulla_files::sync_file_system(&path)?;
            }
        }
        bulla_files::sync_file_system(&self.root)
    }

    pub(super) fn has_any(&self, folder: &str) -> Result<bool, FileError> {
        match self.list(folder, &mut |_| Err(Stop::Found)) {
            Ok(()) => Ok(false),
            Err(Stop::Found) => Ok(true),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// The folder that a new file system has is none of ours.
    pub(super) fn has_folder(&self, folder: &str) -> Result<bool, FileError> {
        let path = self.path(folder);
        let entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            entries => entries.attempt("read", &path)?,
        };
        for entry in entries {
            let entry = entry.attempt("read", &path)?;
            if entry.file_name() != "lost+found" && entry.path().is_dir() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is reached by its key is listed: an operator may have put a folder elsewhere, with a link
    /// in its place. Names that are not UTF-8 are no keys of ours and are passed over.
    pub(super) fn list<E: From<FileError>>(
        &self,
        folder: &str,
        visit: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(&self.path(folder), Links::Followed, &mut |entry| {
            let path = entry.path();
            match path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
                Some(key) => visit(key),
                None => Ok(()),
            }
        })
    }

    pub(super) fn sweep(&self, start: SystemTime) -> Result<(), FileError> {
        walk(&self.root, Links::PassedOver, &mut |entry| {
            let path = entry.path();
            if !bulla_files::is_temporary(&entry.file_name()) {
                return Ok(());
            }
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            if changed.is_ok_and(|changed| changed < start) {
                bulla_files::remove(&path)?;
                tracing::info!(path = %path.display(), "removed what a crash had left");
            }
            Ok(())
        })
    }

    fn metadata(&self, key: &str) -> Result<Option<Metadata>, FileError> {
        let path = self.path(key);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).attempt("read", &path),
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }
}

/// Why a list was not read to its end.
enum Stop {
    Found,
    Failed(FileError),
}

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Self::Failed(error)
    }
}

/// What is done with links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    PassedOver,
}

fn walk<E: From<FileError>>(
    directory: &Path,
    links: Links,
    visit: &mut dyn FnMut(&DirEntry) -> Result<(), E>,
) -> Result<(), E> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::new("read", directory, error).into()),
    };
    for entry in entries {
        let entry = entry.attempt("read", directory)?;
        let mut kind = entry.file_type().attempt("read", entry.path())?;
        if kind.is_symlink() && links == Links::Followed {
            kind = match std::fs::metadata(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found.attempt("read", entry.path())?.file_type(),
            };
        }
        if kind.is_dir() {
            walk(&entry.path(), links, visit)?;
        } else if kind.is_file() {
            visit(&entry)?;
        }
    }
    Ok(())
}
