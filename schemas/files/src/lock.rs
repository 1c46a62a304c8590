//! One process at a time. The kernel's lock dies with its holder; the text in the file only tells
//! people who that is. A holder may remove the file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bulla_schemas::Timestamp;
use bulla_schemas::escape::escape;

use crate::error::{Attempt as _, FileError};
use crate::file::{has_file, open_file};

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A lock that several processes hold together; dropping it lets go.
#[derive(Debug)]
pub struct SharedLock {
    file: File,
}

/// What trying to take a lock found.
#[derive(Debug)]
pub enum TryLock {
    /// It was free, and is ours now.
    Taken(Lock),
    /// Another process holds it.
    Held {
        /// Who: a command, a process and a time, where that could be read.
        holder: String,
    },
}

impl Lock {
    /// Takes the lock in the file `path`, which is created if missing. While another process holds
    /// it, `waiting` is told who, and this one waits. Other processes are told `command` and, where
    /// the caller knows it, `now`.
    pub fn take(
        path: &Path,
        command: &str,
        now: impl Into<Option<Timestamp>>,
        waiting: impl FnOnce(&str),
    ) -> Result<Self, FileError> {
        let mut waiting = Some(waiting);
        loop {
            let mut file = open(path)?;
            if !try_lock(&file, path)? {
                if let Some(waiting) = waiting.take() {
                    waiting(&holder(&mut file));
                }
                file.lock().attempt("lock", path)?;
            }
            if is_at(&file, path) {
                return Ok(Self::sign(file, command, now.into()));
            }
        }
    }

    /// Takes the lock as [`Lock::take`] does, but does not wait.
    pub fn try_take(
        path: &Path,
        command: &str,
        now: impl Into<Option<Timestamp>>,
    ) -> Result<TryLock, FileError> {
        loop {
            let mut file = open(path)?;
            if !try_lock(&file, path)? {
                let holder = holder(&mut file);
                return Ok(TryLock::Held { holder });
            }
            if is_at(&file, path) {
                return Ok(TryLock::Taken(Self::sign(file, command, now.into())));
            }
        }
    }

    /// Takes the lock together with others who share it, and waits while one process holds it alone.
    /// [`Lock::try_take`] finds it held until the last of them lets go.
    pub fn share(path: &Path) -> Result<SharedLock, FileError> {
        loop {
            let file = open(path)?;
            file.lock_shared().attempt("lock", path)?;
            if is_at(&file, path) {
                return Ok(SharedLock { file });
            }
        }
    }

    /// A disk on which nothing can be written hides the name of the holder, and no more.
    fn sign(file: File, command: &str, now: Option<Timestamp>) -> Self {
        let mut lock = Self { file };
        let since = now.map_or_else(String::new, |now| format!(", since {now}"));
        let note = format!("`{command}`, process {}{since}\n", std::process::id());
        let _ = lock
            .clear()
            .and_then(|()| lock.file.write_all(note.as_bytes()));
        lock
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A note that outlives its holder would name the wrong one.
        let _ = self.clear();
        // Closing is not enough: a child that is being started may hold a copy for a moment.
        let _ = self.file.unlock();
    }
}

impl Drop for SharedLock {
    fn drop(&mut self) {
        // As above.
        let _ = self.file.unlock();
    }
}

/// Something else in the place of the file is refused: a pipe would be waited for, and through a
/// link that leads nowhere a file would be made elsewhere.
fn open(path: &Path) -> Result<File, FileError> {
    has_file(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.mode(0o600).custom_flags(flags.cast_signed());
    }
    match options.open(path) {
        // The lock is the kernel's: it needs the file, and nothing written in it.
        // Where there is none, that is why.
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => match open_file(path) {
            Err(missing) if missing.io_kind() == Some(ErrorKind::NotFound) => {
                Err(FileError::new("open the lock", path, error))
            }
            opened => opened,
        },
        opened => opened.attempt("open the lock", path),
    }
}

/// Tells whether a file that was locked still has its name: its last holder may have removed it,
/// and then others lock another file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |found: std::fs::Metadata| (found.dev(), found.ino());
    let named = path.metadata().map(place).ok();
    named.is_some() && file.metadata().map(place).ok() == named
}

/// Windows removes no file that is open.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

fn try_lock(file: &File, path: &Path) -> Result<bool, FileError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error).attempt("lock", path),
    }
}

fn holder(file: &mut File) -> String {
    let mut note = String::new();
    match file.take(200).read_to_string(&mut note) {
        Ok(_) if !note.trim().is_empty() => escape(note.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::mpsc;

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    /// A lock that `install` holds.
    fn held() -> (tempfile::TempDir, PathBuf, Lock) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::take(&path, "install", NOW, |_| unreachable!()).unwrap();
        (folder, path, held)
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_locked_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("lock"), folder.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let error = Lock::try_take(&path, "install", NOW).unwrap_err();
        assert!(matches!(error, FileError::WrongType { .. }), "{error}");
        assert!(!elsewhere.exists());
        std::fs::write(&elsewhere, "").unwrap();
        let taken = Lock::try_take(&path, "install", NOW).unwrap();
        assert!(matches!(taken, TryLock::Taken(_)));
    }

    #[test]
    fn a_waiter_learns_who_holds_it_and_then_gets_it() {
        let (_folder, path, held) = held();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                Lock::take(&path, "rollback", NOW, |holder| {
                    tell.send(holder.to_owned()).unwrap();
                })
                .unwrap()
            });
            let holder = told.recv().unwrap();
            assert!(holder.contains("`install`"), "{holder}");
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
            // Whatever the waiter does, it cannot have the lock: this one asks for it as well.
            let found = Lock::try_take(&path, "status", NOW).unwrap();
            assert!(matches!(&found, TryLock::Held { holder } if holder.contains("`install`")));
            drop(held);
            drop(waiter.join().unwrap());
        });
        let free = Lock::try_take(&path, "status", NOW).unwrap();
        assert!(matches!(free, TryLock::Taken(_)));
    }

    #[test]
    fn those_who_share_a_lock_hold_it_together_and_nobody_has_it_alone_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (one, other) = (Lock::share(&path).unwrap(), Lock::share(&path).unwrap());
        let is_free = || matches!(Lock::try_take(&path, "gc", NOW), Ok(TryLock::Taken(_)));
        assert!(!is_free());
        drop(one);
        assert!(!is_free());
        drop(other);
        let TryLock::Taken(alone) = Lock::try_take(&path, "gc", NOW).unwrap() else {
            panic!("still held");
        };
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let shared = Lock::share(&path).unwrap();
                tell.send(()).unwrap();
                drop(shared);
            });
            assert!(told.try_recv().is_err(), "it waits");
            drop(alone);
            told.recv().unwrap();
        });
    }

    #[test]
    fn a_lock_whose_file_the_holder_removed_is_not_held_twice() {
        let (_folder, path, held) = held();
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let waiter = scope
                .spawn(|| Lock::take(&path, "rollback", NOW, |_| tell.send(()).unwrap()).unwrap());
            told.recv().unwrap();
            std::fs::remove_file(&path).unwrap();
            drop(held);
            let taken = waiter.join().unwrap();
            let found = Lock::try_take(&path, "status", NOW).unwrap();
            assert!(matches!(&found, TryLock::Held { holder } if holder.contains("`rollback`")));
            drop(taken);
        });
    }
}
