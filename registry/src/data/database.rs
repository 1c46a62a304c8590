//! The database's files, which SQLite has beside each other: the database, and what was written to it
//! last. Where a link leads to the database, they lie where that leads.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::SystemTime;

use bulla_files::{Attempt as _, FileError};
use rustix::fs::{Access, access};

use super::{DataDirectory, DataError};

/// How often a database is copied that changes meanwhile.
const TRIES: u32 = 20;

/// What SQLite puts behind the name of the database, and the name that the file has in a data directory.
const FILES: [(&str, &str); 2] = [("-wal", "registry.db-wal"), ("", "registry.db")];

impl DataDirectory {
    /// Tells whether the database and what SQLite needs beside it can be written by this user.
    pub(crate) fn may_write_database(&self) -> bool {
        let Ok(real) = self.real_database() else {
            return false;
        };
        let beside = real.parent().map(ToOwned::to_owned).unwrap_or_default();
        [real, beside]
            .iter()
            .all(|path| access(path, Access::WRITE_OK).is_ok())
    }

    /// Copies the database, which nobody has open, with what was written to it last.
    pub(crate) fn copy_database(&self, to: &Self) -> Result<(), FileError> {
        let real = self.real_database()?;
        for (beside, name) in FILES {
            let (source, target) = (with(&real, beside), to.root.join(name));
            // What an earlier try has left may have been opened since.
            bulla_files::remove(&target)?;
            if bulla_files::has_file(&source)? {
                bulla_files::copy_later(&source, &target)?;
            }
        }
        bulla_files::remove(&to.root.join("registry.db-shm"))?;
        bulla_files::sync_file_system(&to.root)
    }

    /// Copies the database as [`copy_database`](Self::copy_database) does, also where somebody writes to
    /// it: until nothing has changed while it was copied.
    pub(crate) fn copy_database_unchanged(&self, to: &Self) -> Result<(), DataError> {
        for _ in 0..TRIES {
            let before = self.stamps()?;
            self.copy_database(to)?;
            if self.stamps()? == before {
                return Ok(());
            }
        }
        let path = self.root.clone();
        Err(DataError::Busy { path })
    }

    /// Returns the length of each file and when it was written.
    fn stamps(&self) -> Result<Vec<Option<(u64, SystemTime)>>, FileError> {
        let real = self.real_database()?;
        let stamp = |(beside, _)| {
            let path = with(&real, beside);
            match path.metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                found => {
                    let found = found.attempt("look at", &path)?;
                    let written = found.modified().attempt("look at", &path)?;
                    Ok(Some((found.len(), written)))
                }
            }
        };
        FILES.into_iter().map(stamp).collect()
    }

    /// Returns where the database lies.
    fn real_database(&self) -> Result<PathBuf, FileError> {
        let path = self.database();
        match path.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(path),
            real => real.attempt("resolve", &path),
        }
    }
}

fn with(path: &std::path::Path, beside: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OsStr::new(beside));
    name.into()
}
