//! The rows of the table `NODES`: what the working copy has at which path.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use super::Database;
use crate::error::WorkingCopyError;
use crate::pristine::Checksum;
use crate::properties::Properties;

/// What a working copy has at one path: as the repository has it, or as a local operation will.
#[derive(Debug)]
pub struct Node {
    /// The path from the working copy's root, empty for the root itself.
    pub path: String,
    /// 0 for what the repository has; else the depth of the local operation's root.
    pub(crate) op_depth: i64,
    /// The repository's number in this database.
    pub(crate) repository: Option<i64>,
    /// The path inside the repository.
    pub repository_path: Option<String>,
    pub(crate) revision: Option<i64>,
    pub(crate) presence: String,
    /// What it is.
    pub kind: Kind,
    /// What its properties ask for.
    pub properties: Properties,
    /// How much of a directory is there; only `infinity` is all of it.
    pub(crate) depth: Option<String>,
    /// The name of a file's text.
    pub checksum: Option<Checksum>,
    pub(crate) changed_revision: Option<i64>,
    /// When it changed, in microseconds.
    pub(crate) changed_date: Option<i64>,
    /// Size and modification time (microseconds) of the file when it was last known to be
    /// unchanged.
    pub(crate) recorded: Option<(u64, i64)>,
    /// Whether an external put it here.
    pub(crate) is_file_external: bool,
}

/// What a node is. A symbolic link is a file with `svn:special`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file or a link.
    File,
}

impl Node {
    /// Returns the path from `top`, a directory at or above the node.
    pub fn below<'a>(&'a self, top: &str) -> &'a str {
        let rest = self.path.strip_prefix(top).unwrap_or(&self.path);
        rest.strip_prefix('/').unwrap_or(rest)
    }

    /// Returns the revision that it is at.
    pub fn revision(&self) -> Option<u64> {
        u64::try_from(self.revision?).ok()
    }

    /// Tells whether it is there, whole.
    pub fn is_present(&self) -> bool {
        self.presence == "normal"
    }
}

const COLUMNS: &str = "SELECT local_relpath, op_depth, repos_id, repos_path, revision, presence,
    kind, properties, depth, checksum, changed_revision, changed_date, translated_size,
    last_mod_time, file_external FROM nodes";

impl Database {
    /// Reads every row at or below `top`, by path and then by depth of operation.
    pub(crate) fn nodes(&self, top: &str) -> Result<Vec<Node>, WorkingCopyError> {
        let failed = |source| self.failure(source);
        // A scan, since an index would lead to each row by itself.
        let mut statement = self
            .connection
            .prepare(&format!(
                "{COLUMNS} NOT INDEXED WHERE wc_id = ?1 AND (?2 = '' OR local_relpath = ?2
                OR (local_relpath > ?2 || '/' AND local_relpath < ?2 || '0'))"
            ))
            .map_err(failed)?;
        let mut rows = statement.query(params![self.id, top]).map_err(failed)?;
        let mut nodes = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            nodes.push(self.node(row)?);
        }
        nodes.sort_unstable_by(|a, b| (&a.path, a.op_depth).cmp(&(&b.path, b.op_depth)));
        Ok(nodes)
    }

    /// Reads what the repository has of the directories above `top`.
    pub(crate) fn above(&self, top: &str) -> Result<Vec<Node>, WorkingCopyError> {
        let failed = |source| self.failure(source);
        let mut statement = self
            .connection
            .prepare(&format!(
                "{COLUMNS} WHERE wc_id = ?1 AND op_depth = 0 AND local_relpath = ?2"
            ))
            .map_err(failed)?;
        let mut nodes = Vec::new();
        let mut directory = top;
        while !directory.is_empty() {
            directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
            let mut rows = statement
                .query(params![self.id, directory])
                .map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                nodes.push(self.node(row)?);
            }
        }
        Ok(nodes)
    }

    fn node(&self, row: &Row<'_>) -> Result<Node, WorkingCopyError> {
        let failed = |source| self.failure(source);
        let path: String = row.get(0).map_err(failed)?;
        if !is_path(&path) {
            return Err(self.damaged(format!("{path:?} is no path in a working copy")));
        }
        let of_path = |what: &str| self.damaged(format!("{what} of {path:?} cannot be understood"));
        let kind = match row.get_ref(6).map_err(failed)? {
            ValueRef::Text(b"dir") => Kind::Directory,
            // `symlink` and `unknown` are for rows without content.
            ValueRef::Text(b"file" | b"symlink" | b"unknown") => Kind::File,
            _ => return Err(of_path("the kind")),
        };
        let properties = match row.get_ref(7).map_err(failed)? {
            ValueRef::Null => Properties::default(),
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => {
                Properties::parse(bytes).ok_or_else(|| of_path("the properties"))?
            }
            _ => return Err(of_path("the properties")),
        };
        let checksum = match row.get_ref(9).map_err(failed)? {
            ValueRef::Null => None,
            ValueRef::Text(text) => {
                Some(Checksum::parse(text).ok_or_else(|| of_path("the checksum"))?)
            }
            _ => return Err(of_path("the checksum")),
        };
        let size: Option<i64> = row.get(12).map_err(failed)?;
        let modified: Option<i64> = row.get(13).map_err(failed)?;
        let recorded = size.and_then(|size| u64::try_from(size).ok()).zip(modified);
        Ok(Node {
            op_depth: row.get(1).map_err(failed)?,
            repository: row.get(2).map_err(failed)?,
            repository_path: row.get(3).map_err(failed)?,
            revision: row.get(4).map_err(failed)?,
            presence: row.get(5).map_err(failed)?,
            kind,
            properties,
            depth: row.get(8).map_err(failed)?,
            checksum,
            changed_revision: row.get(10).map_err(failed)?,
            changed_date: row.get(11).map_err(failed)?,
            recorded,
            is_file_external: row.get::<_, Option<i64>>(14).map_err(failed)?.is_some(),
            path,
        })
    }
}

/// Tells whether a path stays inside the working copy.
pub(super) fn is_path(path: &str) -> bool {
    path.is_empty()
        || path.split('/').all(|part| {
            !matches!(part, "" | "." | "..") && !part.contains('\0') && part.len() <= 4096
        })
}
