//! `.svn/wc.db`, opened so that nothing is written and nothing in it is run.
//!
//! The file is SQLite, and anyone may have made it: views, triggers and virtual tables stay
//! unused, and rows are bounded. All that is needed is read in one transaction and kept in
//! memory, so that `svn` never waits for a pack.

pub(crate) mod nodes;
pub(crate) mod rows;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::WorkingCopyError;

/// What Subversion 1.8 to 1.14 write (`SVN_WC__VERSION` in `libsvn_wc/wc.h`).
const FORMAT: u32 = 31;

/// What newer ones write into `.svn/entries`, where older ones have their format.
const NO_FORMAT: u32 = 12;

/// How long another program may hold the lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest row or statement, in bytes. Properties and merge records stay far below.
const LONGEST_ROW: i32 = 64 << 20;

/// The tables that are read.
const TABLES: [&str; 7] = [
    "repository",
    "wcroot",
    "nodes",
    "actual_node",
    "externals",
    "work_queue",
    "wc_lock",
];

/// The administrative database of one working copy.
pub(crate) struct Database {
    connection: Connection,
    /// The directory that has `.svn`.
    root: PathBuf,
    /// The working copy's number in its own database.
    id: i64,
}

impl Database {
    /// Opens the database of the working copy at `root`.
    pub(crate) fn open(root: &Path) -> Result<Self, WorkingCopyError> {
        let failed = |source| failure(root, source);
        let path = root.join(".svn").join("wc.db");
        check_header(root, &path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        for (setting, value) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        ] {
            connection.set_db_config(setting, value).map_err(failed)?;
        }
        connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_ROW)
            .map_err(failed)?;
        // Held until the last row is read: all of them are of one moment.
        connection
            .execute_batch("PRAGMA cell_size_check = ON; BEGIN")
            .map_err(failed)?;
        let format = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed)?;
        if format != FORMAT {
            return Err(WorkingCopyError::Format {
                checkout: root.to_owned(),
                format,
            });
        }
        check_tables(root, &connection)?;
        let id = connection
            .query_row(
                "SELECT id FROM wcroot WHERE local_abspath IS NULL",
                [],
                |row| row.get(0),
            )
            .map_err(failed)?;
        Ok(Self {
            connection,
            root: root.to_owned(),
            id,
        })
    }

    fn failure(&self, source: rusqlite::Error) -> WorkingCopyError {
        failure(&self.root, source)
    }

    fn damaged(&self, what: impl Into<String>) -> WorkingCopyError {
        WorkingCopyError::damaged(&self.root, what)
    }
}

/// Sorts out what SQLite would only call an error.
fn check_header(root: &Path, path: &Path) -> Result<(), WorkingCopyError> {
    let mut header = [0; 100];
    let opened = bulla_files::open_file(path).map_err(std::io::Error::from);
    let read = opened.and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Before Subversion 1.7 there was no database, but a number in a file of its own.
            let entries = bulla_files::read(&root.join(".svn").join("entries"));
            let format = entries.ok().flatten().and_then(|entries| {
                let line = entries.split(|byte| *byte == b'\n').next()?;
                std::str::from_utf8(line).ok()?.parse().ok()
            });
            return Err(match format {
                Some(format) if format < NO_FORMAT => WorkingCopyError::Format {
                    checkout: root.to_owned(),
                    format,
                },
                _ => WorkingCopyError::damaged(root, "there is no `.svn/wc.db`"),
            });
        }
        Err(error) => return Err(unreadable(root, error)),
    }
    // https://www.sqlite.org/fileformat.html: a magic string, and 1 for a rollback journal.
    // Another journal would have to be written to be read; svn has none.
    if !header.starts_with(b"SQLite format 3\0") || header[18..20] != [1, 1] {
        let what = "it is not the SQLite database that svn writes";
        return Err(WorkingCopyError::damaged(root, what));
    }
    Ok(())
}

fn unreadable(root: &Path, source: std::io::Error) -> WorkingCopyError {
    WorkingCopyError::Unreadable {
        checkout: root.to_owned(),
        what: "the database".to_owned(),
        source,
    }
}

/// Checks that each table is a table: a view or a virtual table would run what it likes.
fn check_tables(root: &Path, connection: &Connection) -> Result<(), WorkingCopyError> {
    let is_table = "SELECT count(*) FROM sqlite_schema
        WHERE lower(name) = ?1 AND type = 'table' AND rootpage > 0
        AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 0)";
    for table in TABLES {
        let count: i64 = connection
            .query_row(is_table, [table], |row| row.get(0))
            .map_err(|source| failure(root, source))?;
        if count != 1 {
            let what = format!("`{table}` is not a table");
            return Err(WorkingCopyError::damaged(root, what));
        }
    }
    Ok(())
}

/// Says what an error of SQLite means for a working copy.
fn failure(root: &Path, source: rusqlite::Error) -> WorkingCopyError {
    let checkout = root.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            WorkingCopyError::Locked { checkout }
        }
        // A journal that is left over has to be played back, which is writing.
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            WorkingCopyError::Interrupted { checkout }
        }
        _ => WorkingCopyError::Damaged {
            checkout,
            what: "SQLite cannot read it".to_owned(),
            source: Some(source),
        },
    }
}
