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

/// What is committed, as SQLite numbers it. The numbers begin again in every file, so they are compared
/// within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    file: u64,
    header: [u8; HEADER],
}

/// Where the version of a database stands.
#[derive(Debug)]
pub(super) struct Versions {
    path: PathBuf,
    current: Mutex<Current>,
}

/// The file that SQLite has now, and which one in turn it is.
#[derive(Debug, Default)]
struct Current {
    number: u64,
    file: Option<Arc<File>>,
}

impl Versions {
    pub(super) fn new(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-shm");
        Self {
            path: path.into(),
            current: Mutex::default(),
        }
    }

    /// Returns the version; nothing while a commit is under way, or while no connection is open.
    pub(super) fn now(&self) -> Option<Version> {
        // What cannot be read says nothing, and then the database is asked.
        let (number, file) = self.current().ok()?;
        let mut header = [0; 2 * HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let (first, second) = header.split_at(HEADER);
        let version = Version {
            file: number,
            header: first.try_into().ok()?,
        };
        (first == second).then_some(version)
    }

    fn current(&self) -> io::Result<(u64, Arc<File>)> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &current.file
            && file.metadata()?.nlink() > 0
        {
            return Ok((current.number, Arc::clone(file)));
        }
        let file = opened(&self.path)?;
        current.number += 1;
        current.file = Some(Arc::clone(&file));
        Ok((current.number, file))
    }
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
