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
use std::sync::{Arc, Mutex, PoisonError};

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
    current: Mutex<Current>,
}

/// The file that SQLite has.
#[derive(Debug, Default)]
enum Current {
    /// Nobody has asked yet, or it was not there.
    #[default]
    Unknown,
    /// This one, until it is gone.
    File(Arc<File>),
    /// Somebody has removed it, and what is there instead is not what the connections have.
    Gone,
}

impl Versions {
    pub(super) fn new(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            current: Mutex::default(),
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

    fn current(&self) -> Option<Arc<File>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Current::Unknown = *current
            && let Ok(file) = beside(&self.database).and_then(|path| opened(&path))
        {
            *current = Current::File(file);
        }
        let Current::File(file) = &*current else {
            return None;
        };
        if file.metadata().is_ok_and(|file| file.nlink() > 0) {
            return Some(Arc::clone(file));
        }
        *current = Current::Gone;
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
