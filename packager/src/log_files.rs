//! A verified log as plain files (C2SP tlog-tiles): what a registry that lost its own is rebuilt from,
//! and what other tools check. The checkpoint is written last.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bulla_files::{Attempt as _, FileError, is_temporary};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::Checkpoint;
use bulla_trust::checkpoint::CheckpointError;
use bulla_trust::merkle::{leaf_hash, tree_hash};
use bulla_trust::tile::{
    FULL, TileError, TileKind, TilePath, encode_entries, encode_hashes, parent_hash,
};

/// Why a log is not written down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFilesError {
    /// The folder has another log, or one that has come further.
    #[error("`{}` has a log that the registry's does not go on from", .directory.display())]
    OtherLog {
        /// The folder.
        directory: PathBuf,
    },
    /// The folder has something else in it.
    #[error("`{}` is not a copy of this log: it has `{}`", .directory.display(), .found.display())]
    Occupied {
        /// The folder.
        directory: PathBuf,
        /// What is in it.
        found: PathBuf,
    },
    /// A link among the tiles: what is written would go where it leads.
    #[error("`{}` is a link, and a copy of a log is written into folders and files only", .path.display())]
    Linked {
        /// The link.
        path: PathBuf,
    },
    /// What is there cannot be read.
    #[error("`{}` is not a checkpoint", .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: CheckpointError,
    },
    /// An entry that is too long for a log.
    #[error("an entry of the log cannot be written")]
    Entry(#[from] TileError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Outcome for LogFilesError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::OtherLog { .. } | Self::Occupied { .. } | Self::Linked { .. } => {
                FailureKind::Refused
            }
            Self::Checkpoint { .. } | Self::Entry(_) => FailureKind::Failed,
            Self::File(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::OtherLog { directory } => Some(format!(
                "name another folder, and keep this one; `bulla compare {}/checkpoint` says how the two \
                 stand to each other",
                directory.display()
            )),
            Self::Occupied { .. } => Some(
                "name a folder that is empty or not there yet, or one with an earlier copy of this log"
                    .to_owned(),
            ),
            Self::Linked { .. } => {
                Some("remove it, or name a folder that nobody else can write".to_owned())
            }
            Self::File(error) => error.hint(),
            Self::Checkpoint { .. } | Self::Entry(_) => None,
        }
    }
}

/// Writes a log into a folder that is empty, or has the same one as it was earlier. Both have been
/// verified. In a folder with anything else nothing is written.
pub fn write(
    directory: &Path,
    checkpoint: &[u8],
    entries: &[Vec<u8>],
) -> Result<(), LogFilesError> {
    let log = Log::of(entries);
    log.require_own(directory)?;
    let size = entries.len() as u64;
    for tile in TilePath::entries(0, size, size) {
        write_tile(directory, tile, &encode_entries(items(entries, tile))?)?;
    }
    for (level, hashes) in (0..).zip(&log.levels) {
        for tile in TilePath::hashes(level, 0, size) {
            write_tile(directory, tile, &encode_hashes(items(hashes, tile)))?;
        }
    }
    bulla_files::write(&directory.join("checkpoint"), checkpoint)?;
    Ok(())
}

/// The entries of a log, and the hashes of its tiles.
struct Log<'a> {
    entries: &'a [Vec<u8>],
    /// By level; each hash is the root of a full tile of the level below.
    levels: Vec<Vec<Digest>>,
}

impl<'a> Log<'a> {
    fn of(entries: &'a [Vec<u8>]) -> Self {
        let mut levels = Vec::new();
        let mut hashes: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        while !hashes.is_empty() {
            let full = hashes.chunks_exact(usize::from(FULL));
            let parents = full.map(parent_hash).collect();
            levels.push(std::mem::replace(&mut hashes, parents));
        }
        Self { entries, levels }
    }

    /// Refuses a folder that is neither empty nor an earlier copy of this log.
    fn require_own(&self, directory: &Path) -> Result<(), LogFilesError> {
        let path = directory.join("checkpoint");
        let Some(there) = bulla_files::read(&path)? else {
            // The checkpoint comes last: a copy that was broken off has none, and nothing but tiles.
            return self.require_tiles(directory, directory);
        };
        let read = Checkpoint::parse(&there);
        let (there, _) = read.map_err(|source| LogFilesError::Checkpoint { path, source })?;
        let size = usize::try_from(there.size).unwrap_or(usize::MAX);
        let leaves = self.levels.first().map_or(&[][..], Vec::as_slice);
        let is_earlier = leaves
            .get(..size)
            .is_some_and(|leaves| tree_hash(leaves) == there.root);
        if !is_earlier {
            return Err(LogFilesError::OtherLog {
                directory: directory.to_owned(),
            });
        }
        require_no_links(&directory.join("tile"))
    }

    /// Looks at all that lies in a folder. What is not one of this log's tiles ends that.
    fn require_tiles(&self, directory: &Path, folder: &Path) -> Result<(), LogFilesError> {
        let found = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found.attempt("read", folder)?,
        };
        for entry in found {
            let entry = entry.attempt("read", folder)?;
            let path = entry.path();
            if is_temporary(&entry.file_name()) {
                continue;
            }
            let kind = entry.file_type().attempt("read", &path)?;
            // Only what can be a folder of tiles is entered.
            let is_of_tiles = folder != directory || entry.file_name() == "tile";
            if kind.is_dir() && is_of_tiles {
                self.require_tiles(directory, &path)?;
            } else if !(kind.is_file() && self.has(directory, &path)?) {
                return Err(LogFilesError::Occupied {
                    directory: directory.to_owned(),
                    found: path.strip_prefix(directory).unwrap_or(&path).to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Tells whether a file is a tile of this log, at whatever size it had.
    fn has(&self, directory: &Path, path: &Path) -> Result<bool, LogFilesError> {
        let name = path.strip_prefix(directory).ok().and_then(Path::to_str);
        let Some(tile) = name.and_then(|name| name.parse::<TilePath>().ok()) else {
            return Ok(false);
        };
        let content = match tile.kind {
            TileKind::Entries => encode_entries(items(self.entries, tile))?,
            TileKind::Hashes { level } => {
                let hashes = self.levels.get(usize::from(level));
                encode_hashes(hashes.map_or(&[][..], |hashes| items(hashes, tile)))
            }
        };
        let there = bulla_files::read_up_to(path, content.len() as u64);
        Ok(there
            .is_ok_and(|there| there.is_some_and(|there| !there.is_empty() && there == content)))
    }
}

/// Refuses a link at a path or anywhere below it. Tiles that are damaged are written again.
fn require_no_links(path: &Path) -> Result<(), LogFilesError> {
    let kind = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        looked => looked.attempt("look at", path)?.file_type(),
    };
    if kind.is_symlink() {
        let path = path.to_owned();
        return Err(LogFilesError::Linked { path });
    }
    if kind.is_dir() {
        for entry in std::fs::read_dir(path).attempt("read", path)? {
            require_no_links(&entry.attempt("read", path)?.path())?;
        }
    }
    Ok(())
}

fn items<T>(items: &[T], tile: TilePath) -> &[T] {
    let start = usize::try_from(tile.index).unwrap_or(usize::MAX);
    let start = start.saturating_mul(FULL.into());
    let end = start.saturating_add(tile.width.into());
    items.get(start..end).unwrap_or_default()
}

fn write_tile(directory: &Path, tile: TilePath, content: &[u8]) -> Result<(), FileError> {
    let path = directory.join(tile.to_string());
    match bulla_files::read(&path) {
        Ok(Some(there)) if there == content => Ok(()),
        _ => bulla_files::write(&path, content),
    }
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, project};

    use super::*;

    #[test]
    fn the_files_are_those_of_the_log_and_go_on_from_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut acme = Organisation::new();
        let written =
            |acme: &Organisation| write(directory.path(), &acme.checkpoint(), &acme.entries);
        for step in [3, 260] {
            for number in 0..step {
                acme.publish(&project(), &format!("{step} {number}"));
            }
            written(&acme).unwrap();
            for (path, content) in acme.files() {
                assert_eq!(
                    std::fs::read(directory.path().join(&path)).unwrap(),
                    content,
                    "{path}"
                );
            }
        }
        // A copy that was broken off has no checkpoint yet, and tiles of an earlier size.
        std::fs::remove_file(directory.path().join("checkpoint")).unwrap();
        acme.publish(&project(), "one more");
        written(&acme).unwrap();
        let shorter = Organisation::new();
        assert!(matches!(
            written(&shorter),
            Err(LogFilesError::OtherLog { .. })
        ));
        let files = std::fs::read(directory.path().join("checkpoint")).unwrap();
        assert_eq!(files, acme.checkpoint(), "nothing was written");
    }

    #[test]
    fn a_copy_is_not_written_through_a_link() {
        let mut acme = Organisation::new();
        let copy = tempfile::tempdir().unwrap();
        write(copy.path(), &acme.checkpoint(), &acme.entries).unwrap();
        acme.publish(&project(), "a");
        let elsewhere = tempfile::tempdir().unwrap();
        for place in ["tile/entries/000.p", "tile/entries", "tile"] {
            let place = copy.path().join(place);
            let aside = copy.path().join("aside");
            std::fs::rename(&place, &aside).unwrap();
            std::os::unix::fs::symlink(elsewhere.path(), &place).unwrap();
            let refused = write(copy.path(), &acme.checkpoint(), &acme.entries);
            assert!(
                matches!(&refused, Err(LogFilesError::Linked { path }) if *path == place),
                "{refused:?}"
            );
            std::fs::remove_file(&place).unwrap();
            std::fs::rename(&aside, &place).unwrap();
        }
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        write(copy.path(), &acme.checkpoint(), &acme.entries).unwrap();
    }

    #[test]
    fn a_folder_with_anything_else_in_it_is_left_as_it_is() {
        let mut acme = Organisation::new();
        acme.publish(&project(), "a");
        let mut other = Organisation::new();
        other.publish(&project(), "b");
        let tile = other
            .files()
            .into_iter()
            .find(|(path, _)| path.starts_with("tile/entries/"));
        let (tile, content) = tile.unwrap();
        for (path, content) in [
            ("notes.txt", &b"mine"[..]),
            ("src/main.rs", b"fn main() {}"),
            ("tile/0/notes.txt", b"mine"),
            (&tile, &content),
            ("tile/0/000.p/2", b""),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, content).unwrap();
            let refused = write(directory.path(), &acme.checkpoint(), &acme.entries);
            assert!(
                matches!(refused, Err(LogFilesError::Occupied { .. })),
                "{path}: {refused:?}"
            );
            assert_eq!(std::fs::read(&file).unwrap(), content);
            assert!(!directory.path().join("checkpoint").exists());
        }
        let empty = tempfile::tempdir().unwrap();
        write(empty.path(), &acme.checkpoint(), &acme.entries).unwrap();
        let new = empty.path().join("new");
        write(&new, &acme.checkpoint(), &acme.entries).unwrap();
    }
}
