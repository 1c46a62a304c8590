//! A verified log as plain files (C2SP tlog-tiles): what a registry that lost its own is rebuilt from,
//! and what other tools check. The checkpoint is written last.

use std::path::{Path, PathBuf};

use bulla_files::FileError;
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::Checkpoint;
use bulla_trust::checkpoint::CheckpointError;
use bulla_trust::merkle::{leaf_hash, tree_hash};
use bulla_trust::tile::{FULL, TileError, TilePath, encode_entries, encode_hashes, parent_hash};

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
            Self::OtherLog { .. } => FailureKind::Refused,
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
            Self::File(error) => error.hint(),
            Self::Checkpoint { .. } | Self::Entry(_) => None,
        }
    }
}

/// Writes a log into a folder that has none, or the same one as it was earlier. Both have been verified.
pub fn write(
    directory: &Path,
    checkpoint: &[u8],
    entries: &[Vec<u8>],
) -> Result<(), LogFilesError> {
    let mut hashes: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    require_earlier(directory, &hashes)?;
    let size = entries.len() as u64;
    for tile in TilePath::entries(0, size, size) {
        let bundle = encode_entries(items(entries, tile))?;
        write_tile(directory, tile, &bundle)?;
    }
    for level in 0.. {
        if hashes.is_empty() {
            break;
        }
        let mut parents = Vec::new();
        for tile in TilePath::hashes(level, 0, size) {
            let items = items(&hashes, tile);
            write_tile(directory, tile, &encode_hashes(items))?;
            if tile.is_full() {
                parents.push(parent_hash(items));
            }
        }
        hashes = parents;
    }
    bulla_files::write(&directory.join("checkpoint"), checkpoint)?;
    Ok(())
}

fn require_earlier(directory: &Path, leaves: &[Digest]) -> Result<(), LogFilesError> {
    let path = directory.join("checkpoint");
    let Some(there) = bulla_files::read(&path)? else {
        return Ok(());
    };
    let read = Checkpoint::parse(&there);
    let (there, _) = read.map_err(|source| LogFilesError::Checkpoint { path, source })?;
    let size = usize::try_from(there.size).unwrap_or(usize::MAX);
    let is_earlier = leaves
        .get(..size)
        .is_some_and(|leaves| tree_hash(leaves) == there.root);
    if is_earlier {
        return Ok(());
    }
    Err(LogFilesError::OtherLog {
        directory: directory.to_owned(),
    })
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
        let shorter = Organisation::new();
        assert!(matches!(
            written(&shorter),
            Err(LogFilesError::OtherLog { .. })
        ));
        let files = std::fs::read(directory.path().join("checkpoint")).unwrap();
        assert_eq!(files, acme.checkpoint(), "nothing was written");
    }
}
