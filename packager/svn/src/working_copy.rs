//! A working copy as its database describes it, and whether that is one revision.
//!
//! ```text
//! root/.svn/wc.db       nodes, properties, revisions, local changes
//! root/.svn/pristine/   texts
//! root/.../top/         what is packed: a directory at or below the root
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::database::Database;
use crate::database::nodes::{Kind, Node};
use crate::database::rows::{Actual, Repository};
use crate::error::WorkingCopyError;
use crate::externals::{self, location};
use crate::problem::{Problem, Problems};

/// What a working copy has of the directory that is packed.
#[derive(Debug)]
pub struct WorkingCopy {
    /// The directory that has `.svn`.
    pub root: PathBuf,
    /// The path of the packed directory from the root, empty for the root itself.
    pub top: String,
    /// Where the packed directory comes from.
    pub repository: Repository,
    repositories: Vec<Repository>,
    /// What the repository has, without externals, by path; the first is the packed directory.
    pub nodes: Vec<Node>,
    /// Files that externals put there.
    pub file_externals: Vec<Node>,
    /// Where externals are put that a directory above the packed one defines, from the packed one.
    pub from_above: Vec<String>,
    /// Where externals are, from the root.
    pub(crate) mounted: Vec<String>,
    /// What is not as one revision has it, as far as the database knows.
    pub problems: Problems,
}

/// The last change of the packed directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastChange {
    /// The revision.
    pub revision: u64,
    /// When it was committed, in seconds since 1970.
    pub seconds: i64,
}

/// Returns the repositories that the working copy at `root` knows.
pub fn repositories(root: &Path) -> Result<Vec<Repository>, WorkingCopyError> {
    Database::open(root)?.repositories()
}

impl WorkingCopy {
    /// Reads what the database at `root` has at or below the directory `top`.
    pub fn read(root: &Path, top: &Path) -> Result<Self, WorkingCopyError> {
        let database = Database::open(root)?;
        let from_root = top.strip_prefix(root).unwrap_or(Path::new(""));
        let from_root = from_root
            .to_str()
            .ok_or_else(|| WorkingCopyError::NotVersioned {
                directory: top.to_owned(),
            })?;
        if database.is_unfinished()? {
            return Err(WorkingCopyError::Interrupted {
                checkout: root.to_owned(),
            });
        }
        let rows = database.nodes(from_root)?;
        let Some(first) = rows.first().filter(|node| node.path == from_root) else {
            return Err(WorkingCopyError::NotVersioned {
                directory: top.to_owned(),
            });
        };
        if first.op_depth > 0 {
            return Err(WorkingCopyError::NeverCommitted {
                directory: top.to_owned(),
            });
        }
        // Anyone may have written that; what follows begins with the packed directory.
        if first.op_depth < 0 || first.is_file_external {
            let what = "the packed directory is in no revision";
            return Err(WorkingCopyError::damaged(root, what));
        }
        let mut from_above = Vec::new();
        for node in database.above(from_root)? {
            if let Some(value) = &node.properties.externals {
                from_above.extend(externals::from_above(value, &node.path, from_root));
            }
        }
        let repositories = database.repositories()?;
        let repository = repositories
            .iter()
            .find(|repository| Some(repository.id) == first.repository)
            .cloned()
            .ok_or_else(|| {
                WorkingCopyError::damaged(root, "the packed directory is in no repository")
            })?;
        let mut problems = Problems::default();
        find_operations(&rows, from_root, &mut problems);
        find_actual(&database.actual()?, &rows, from_root, &mut problems);
        let (nodes, file_externals) = rows
            .into_iter()
            .filter(|node| node.op_depth == 0)
            .partition(|node| !node.is_file_external);
        let working_copy = Self {
            root: root.to_owned(),
            top: from_root.to_owned(),
            repository,
            repositories,
            nodes,
            file_externals,
            mounted: database.mounted()?,
            from_above,
            problems,
        };
        working_copy.check()
    }

    /// Compares every node with the packed directory and with its own parent.
    fn check(mut self) -> Result<Self, WorkingCopyError> {
        let revision = self.nodes[0].revision;
        let mut directories: HashMap<&str, &Node> = HashMap::new();
        for (position, node) in self.nodes.iter().enumerate() {
            let name = node.below(&self.top);
            if position > 0 {
                let (parent, last) = node.path.rsplit_once('/').unwrap_or(("", &node.path));
                let Some(parent) = directories.get(parent) else {
                    let what = format!("{:?} is in no directory", node.path);
                    return Err(WorkingCopyError::damaged(&self.root, what));
                };
                if !follows(node, parent, last) {
                    self.problems.add(Problem::Switched, name);
                }
            }
            if node.kind == Kind::Directory {
                directories.insert(&node.path, node);
            }
            match node.presence.as_str() {
                "normal" => {}
                "incomplete" => self.problems.add(Problem::Incomplete, name),
                "excluded" => self.problems.add(Problem::Sparse, name),
                "server-excluded" => self.problems.add(Problem::Forbidden, name),
                "not-present" => {
                    self.problems.add(
                        match node.revision.unwrap_or_default() {
                            0 => Problem::GoneExternal,
                            revision => Problem::NotPresent(revision),
                        },
                        name,
                    );
                }
                other => {
                    let what = format!("{:?} has the unknown presence {other:?}", node.path);
                    return Err(WorkingCopyError::damaged(&self.root, what));
                }
            }
            let is_there = node.presence == "normal";
            if is_there && node.revision != revision {
                let revision = node.revision.unwrap_or_default();
                self.problems.add(Problem::OtherRevision(revision), name);
            }
            let is_whole = node
                .depth
                .as_deref()
                .is_none_or(|depth| depth == "infinity");
            if is_there && node.kind == Kind::Directory && !is_whole {
                self.problems.add(Problem::Sparse, name);
            }
        }
        Ok(self)
    }

    /// Returns the directory that is packed.
    pub fn directory(&self) -> PathBuf {
        self.root.join(&self.top)
    }

    /// Returns the revision that the packed directory is at.
    pub fn revision(&self) -> u64 {
        let revision = self.nodes[0].revision.unwrap_or_default();
        u64::try_from(revision).unwrap_or_default()
    }

    /// Returns the repository that a node comes from.
    pub fn repository_of(&self, node: &Node) -> Option<&Repository> {
        let mut repositories = self.repositories.iter();
        repositories.find(|repository| Some(repository.id) == node.repository)
    }

    /// Returns the URL of the packed directory.
    pub fn url(&self) -> String {
        location::below(&self.repository.root, self.repository_path())
    }

    /// Returns the path of the packed directory inside the repository.
    pub fn repository_path(&self) -> &str {
        self.nodes[0].repository_path.as_deref().unwrap_or_default()
    }

    /// Returns the revision in which the packed directory last changed.
    ///
    /// It is the newest that any node names. The directory's own row is not enough: a commit of a
    /// copied directory does not write down that what changed in the copy changed its directories.
    pub fn last_change(&self) -> Result<LastChange, WorkingCopyError> {
        let newest = self
            .nodes
            .iter()
            .filter_map(|node| {
                let revision = u64::try_from(node.changed_revision?).ok()?;
                Some((revision, node.changed_date))
            })
            .max();
        let Some((revision, microseconds)) = newest else {
            let what = "the packed directory never changed";
            return Err(WorkingCopyError::damaged(&self.root, what));
        };
        Ok(LastChange {
            revision,
            seconds: microseconds.unwrap_or_default().div_euclid(1_000_000),
        })
    }
}

/// Tells whether `node` comes from where its parent comes from.
fn follows(node: &Node, parent: &Node, name: &str) -> bool {
    let (Some(path), Some(above)) = (&node.repository_path, &parent.repository_path) else {
        return false;
    };
    let expected = match above.as_str() {
        "" => Some(path.as_str()),
        above => path
            .strip_prefix(above)
            .and_then(|rest| rest.strip_prefix('/')),
    };
    node.repository == parent.repository && expected == Some(name)
}

/// Finds the roots of local operations: what is added, deleted, copied or moved.
fn find_operations(rows: &[Node], top: &str, problems: &mut Problems) {
    for (position, node) in rows.iter().enumerate() {
        let depth = match node.path.as_str() {
            "" => 0,
            path => path.split('/').count(),
        };
        if node.op_depth == 0 || usize::try_from(node.op_depth) != Ok(depth) {
            continue;
        }
        let before = position.checked_sub(1).map(|before| &rows[before]);
        let replaces =
            before.is_some_and(|before| before.path == node.path && before.presence == "normal");
        let word = match node.presence.as_str() {
            "base-deleted" => "deleted",
            _ if replaces => "replaced",
            _ => "added",
        };
        problems.add(Problem::Changed(word.to_owned()), node.below(top));
    }
}

/// Finds conflicts and changed properties.
fn find_actual(actual: &[Actual], rows: &[Node], top: &str, problems: &mut Problems) {
    for node in actual {
        let below = match top {
            "" => Some(node.path.as_str()),
            top if node.path == top => Some(""),
            top => node
                .path
                .strip_prefix(top)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(name) = below else { continue };
        // What an operation brought has its properties as part of that.
        let start = rows.partition_point(|row| row.path < node.path);
        let mut own = rows[start..].iter().take_while(|row| row.path == node.path);
        if node.is_conflicted {
            problems.add(Problem::Conflicted, name);
        } else if node.has_other_properties && own.all(|row| row.op_depth == 0) {
            problems.add(Problem::Changed("properties modified".to_owned()), name);
        }
    }
}
