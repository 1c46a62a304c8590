//! `Outputs`: the files that a build made and the recipe names, as a tree to pack.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;

use super::BuildError;
use super::workspace::Workspace;
use crate::filter::{Filter, Patterns};
use crate::source::{SourceError, Tracked, TrackedKind, Tree, disk, join};

/// Files in the directory of a build, which goes with this.
pub(super) struct Outputs {
    workspace: Workspace,
    tracked: Vec<Tracked>,
}

impl Outputs {
    /// Finds what matches `patterns`, at most `limit` entries.
    ///
    /// Links are taken as links and nothing is looked for behind them.
    pub(super) fn collect(
        workspace: Workspace,
        patterns: &[String],
        limit: u64,
    ) -> Result<Self, BuildError> {
        let top = workspace.build();
        let outputs = Patterns::new(patterns).map_err(BuildError::Pattern)?;
        let mut judge = outputs.judge();
        let open = |path: &Path, metadata: &Metadata| {
            open_to_owner(path, metadata)
                .map_err(|source| BuildError::io("cannot read", path, source))
        };
        let metadata = fs::symlink_metadata(&top);
        let metadata = metadata.map_err(|source| BuildError::io("cannot read", &top, source))?;
        open(&top, &metadata)?;
        let mut tracked = Vec::new();
        let mut found = 0_u64;
        let mut pending = vec![Vec::new()];
        while let Some(prefix) = pending.pop() {
            let directory = top.join(std::ffi::OsStr::from_bytes(&prefix));
            let failed = |source| BuildError::io("cannot read", &directory, source);
            let mut is_empty = true;
            for entry in fs::read_dir(&directory).map_err(failed)? {
                is_empty = false;
                let entry = entry.map_err(failed)?;
                let path = join(&prefix, entry.file_name().as_bytes());
                let metadata = entry.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    open(&entry.path(), &metadata)?;
                    pending.push(path);
                    continue;
                }
                found += 1;
                if judge.matches(&String::from_utf8_lossy(&path), false) {
                    let kind = kind(&path, &metadata)?;
                    open(&entry.path(), &metadata)?;
                    tracked.push(Tracked { path, kind });
                }
            }
            let name = String::from_utf8_lossy(&prefix);
            if is_empty && !prefix.is_empty() && judge.matches(&name, true) {
                tracked.push(Tracked {
                    path: prefix,
                    kind: TrackedKind::Directory,
                });
            }
            if tracked.len() as u64 > limit {
                return Err(BuildError::TooMany { limit });
            }
        }
        if tracked
            .iter()
            .all(|entry| entry.kind == TrackedKind::Directory)
        {
            return Err(BuildError::NoOutputs {
                patterns: patterns.to_vec(),
                found,
            });
        }
        // The order in which a directory lists its files says nothing.
        tracked.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { workspace, tracked })
    }
}

fn kind(path: &[u8], metadata: &Metadata) -> Result<TrackedKind, BuildError> {
    let file_type = metadata.file_type();
    let special = if file_type.is_symlink() {
        return Ok(TrackedKind::Link);
    } else if file_type.is_file() {
        return Ok(TrackedKind::File {
            executable: disk::is_executable(metadata),
        });
    } else if file_type.is_socket() {
        "a socket"
    } else if file_type.is_fifo() {
        "a named pipe"
    } else {
        "a device"
    };
    Err(BuildError::Special {
        path: String::from_utf8_lossy(path).into_owned(),
        special,
    })
}

impl Tree for Outputs {
    fn resolve(
        self: Box<Self>,
        _: &SourceSection,
        _: &Filter,
    ) -> Result<Box<dyn Tree>, SourceError> {
        Ok(self)
    }

    fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        let tracked = &self.tracked[position];
        let path = std::ffi::OsStr::from_bytes(&tracked.path);
        disk::open(&self.workspace.build().join(path), tracked.kind)
    }
}

/// Lets the owner read a file and enter a directory, whatever the build did. Else a build that
/// root runs would give another release than one of an ordinary user.
fn open_to_owner(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let mode = metadata.permissions().mode();
    let wanted = if metadata.is_dir() {
        mode | 0o700
    } else if metadata.is_file() {
        mode | 0o400
    } else {
        return Ok(());
    };
    if wanted == mode {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(wanted))
}
