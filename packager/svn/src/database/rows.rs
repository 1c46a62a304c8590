//! The rows of the small tables: repositories, local changes, externals, unfinished work.

use rusqlite::{Params, Row};

use super::{Database, nodes};
use crate::error::WorkingCopyError;

/// A repository that the working copy knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The number in this database.
    pub(crate) id: i64,
    /// The URL of its root.
    pub root: String,
    /// Its UUID.
    pub uuid: String,
}

/// A path with local properties or a conflict.
#[derive(Debug)]
pub(crate) struct Actual {
    /// The path from the working copy's root.
    pub(crate) path: String,
    pub(crate) is_conflicted: bool,
    pub(crate) has_other_properties: bool,
}

impl Database {
    /// Returns every repository that nodes may come from.
    pub(crate) fn repositories(&self) -> Result<Vec<Repository>, WorkingCopyError> {
        self.rows("SELECT id, root, uuid FROM repository", [], |row| {
            Ok(Repository {
                id: row.get(0)?,
                root: row.get(1)?,
                uuid: row.get(2)?,
            })
        })
    }

    /// Returns every path with local properties or a conflict.
    pub(crate) fn actual(&self) -> Result<Vec<Actual>, WorkingCopyError> {
        // The columns before `conflict_data` are of format 30 and earlier, and always null.
        self.rows(
            "SELECT local_relpath, conflict_data IS NOT NULL, properties IS NOT NULL
                FROM actual_node WHERE wc_id = ?1",
            [self.id],
            |row| {
                Ok(Actual {
                    path: row.get(0)?,
                    is_conflicted: row.get(1)?,
                    has_other_properties: row.get(2)?,
                })
            },
        )
    }

    /// Returns where externals are in this working copy, from its root.
    pub(crate) fn mounted(&self) -> Result<Vec<String>, WorkingCopyError> {
        let paths: Vec<String> = self.rows(
            "SELECT local_relpath FROM externals WHERE wc_id = ?1",
            [self.id],
            |row| row.get(0),
        )?;
        match paths.iter().find(|path| !nodes::is_path(path)) {
            Some(path) => Err(self.damaged(format!("{path:?} is no path in a working copy"))),
            None => Ok(paths),
        }
    }

    /// Tells whether an operation was interrupted, or is running now.
    pub(crate) fn is_unfinished(&self) -> Result<bool, WorkingCopyError> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM work_queue) OR EXISTS (SELECT 1 FROM wc_lock)",
                [],
                |row| row.get(0),
            )
            .map_err(|source| self.failure(source))
    }

    fn rows<T>(
        &self,
        query: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, WorkingCopyError> {
        let failed = |source| self.failure(source);
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let rows = statement.query_map(parameters, read).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}
