//! Whether anything at all was committed to the database since, by this process or another.
//!
//! SQLite's readers find what is committed in the header of the WAL index, `registry.db-shm`, which all
//! processes map; while it stands, every query has the answer that it had. It is read here as a file,
//! which takes less than a microsecond, and only compared: its first 48 bytes stand there twice, and a
//! copy of them that is not finished differs from the other (SQLite, "WAL-mode File Format" §2).

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes of the header, once.
const HEADER: usize = 48;

/// The files that are open, of all databases of this process. A process that closes one loses the locks
/// that SQLite has on it, so only those are closed that SQLite has removed.
static OPEN: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());

/// What is committed, as SQLite numbers it in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version([u8; HEADER]);

/// Where the version of a database stands.
#[derive(Debug)]
pub(super) struct Versions {
    database: PathBuf,
    /// The file that SQLite has, once somebody has asked while it was there. Every request asks, so
    /// nobody waits for another one.
    file: OnceLock<Arc<File>>,
    /// Whether somebody has removed it: what is there instead is not what the connections have.
    is_gone: AtomicBool,
}

impl Versions {
    pub(super) fn new(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            file: OnceLock::new(),
            is_gone: AtomicBool::new(false),
        }
    }

    /// Returns the version; nothing while a commit is under way, before a connection is open, and once
    /// the file is gone: then the database is asked.
    pub(super) fn now(&self) -> Option<Version> {
        let file = self.current()?;
        let mut header = [0; 2 * HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let (first, second) = header.split_at(HEADER);
        let version = Version(first.try_into().ok()?);
        (first == second).then_some(version)
    }

    fn current(&self) -> Option<&File> {
        if self.file.get().is_none()
            && let Ok(file) = beside(&self.database).and_then(|path| opened(&path))
        {
            // Another request may have found it too.
            let _ = self.file.set(file);
        }
        let file = self.file.get()?;
        if self.is_gone.load(Ordering::Relaxed) {
            return None;
        }
        if file.metadata().is_ok_and(|file| file.nlink() > 0) {
            return Some(file);
        }
        self.is_gone.store(true, Ordering::Relaxed);
        None
    }
}

/// Finds the file: a database may be a link, and SQLite's other files lie beside what it leads to.
fn beside(database: &Path) -> io::Result<PathBuf> {
    let mut path = std::fs::canonicalize(database)?.into_os_string();
    path.push("-shm");
    Ok(path.into())
}

/// Opens a file once, however often it is asked for.
fn opened(path: &Path) -> io::Result<Arc<File>> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = std::fs::metadata(path)?;
    let mut kept = Vec::new();
    let mut found = None;
    for file in open.drain(..) {
        // What cannot be looked at stays open.
        let metadata = file.metadata().ok();
        if let Some(metadata) = &metadata
            && metadata.nlink() == 0
        {
            continue;
        }
        if metadata.is_some_and(|it| (it.dev(), it.ino()) == (wanted.dev(), wanted.ino())) {
            found = Some(Arc::clone(&file));
        }
        kept.push(file);
    }
    *open = kept;
    if let Some(found) = found {
        return Ok(found);
    }
    let file = Arc::new(File::open(path)?);
    open.push(Arc::clone(&file));
    Ok(file)
}
