//! The log read again: its entries against the checkpoint, and its tiles against the entries.

use bulla_schemas::outcome::with_causes;
use bulla_trust::merkle::leaf_hash;
use bulla_trust::tile::{FULL, TileKind, TilePath, encode_entries, encode_hashes, parent_hash};
use bulla_trust::{Checkpoint, LogState};

use bulla_files::FileError;

use super::error::{DamagedLog, LogError};
use super::recover;
use super::tiles::LogFiles;

/// How often the log is read again that has grown meanwhile.
const TRIES: u32 = 20;

/// What a log is, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct CheckedLog {
    /// The state that its entries lead to; `None` where they cannot be read.
    pub(crate) state: Option<LogState>,
    /// What is wrong with entries or checkpoint, in a sentence.
    pub(crate) damage: Option<String>,
    /// Tiles that are not what the entries lead to, each with what it should be.
    pub(crate) tiles: Vec<(TilePath, Vec<u8>)>,
}

/// What is done with a tile, and with what it should be.
type Visit<'a> = dyn FnMut(TilePath, &[u8]) -> Result<(), LogError> + 'a;

impl LogFiles {
    /// Reads the whole log as it is published now. A server may append to it meanwhile.
    pub(crate) fn check(&self) -> Result<CheckedLog, FileError> {
        for _ in 0..TRIES {
            let before = self.checkpoint()?;
            let Some(bytes) = &before else {
                if !self.entries_behind(0)?.is_empty() && self.checkpoint()?.is_none() {
                    let damage = "the checkpoint is missing, and there are entries";
                    return Ok(CheckedLog {
                        damage: Some(damage.to_owned()),
                        ..CheckedLog::default()
                    });
                }
                return Ok(CheckedLog {
                    state: Some(LogState::default()),
                    ..CheckedLog::default()
                });
            };
            let checked = self.check_at(bytes)?;
            let is_right = checked.damage.is_none() && checked.tiles.is_empty();
            // Forms of tiles go when wider ones replace them.
            if is_right || self.checkpoint()? == before {
                return Ok(checked);
            }
        }
        Ok(CheckedLog {
            damage: Some("the log grows faster than it can be read".to_owned()),
            ..CheckedLog::default()
        })
    }

    /// Writes a tile again as the entries lead to it.
    pub(crate) fn write_again(&self, tile: TilePath, content: &[u8]) -> Result<(), FileError> {
        self.write(tile, content)
    }

    fn check_at(&self, checkpoint: &[u8]) -> Result<CheckedLog, FileError> {
        let read = Checkpoint::parse(checkpoint).map_err(DamagedLog::Checkpoint);
        let read = read.map_err(LogError::from).and_then(|(checkpoint, note)| {
            let (state, _) = recover::read(self, checkpoint.size)?;
            if !recover::is_signed(&state, &note) {
                return Err(DamagedLog::Unsigned.into());
            }
            if checkpoint.root == state.root() {
                let tiles = self.wrong_tiles(state.size())?;
                return Ok((state, tiles));
            }
            let (expected, found) = (checkpoint.root, state.root());
            Err(DamagedLog::Root { expected, found }.into())
        });
        match read {
            Ok((state, tiles)) => Ok(CheckedLog {
                tiles,
                state: Some(state),
                damage: None,
            }),
            Err(LogError::File(error)) if !error.is_damage() => Err(error),
            Err(error) => Ok(CheckedLog {
                damage: Some(with_causes(&error)),
                ..CheckedLog::default()
            }),
        }
    }

    /// Compares the tiles of hashes with those that the entries lead to.
    fn wrong_tiles(&self, size: u64) -> Result<Vec<(TilePath, Vec<u8>)>, LogError> {
        let mut wrong = Vec::new();
        self.each_tile(size, &mut |tile, expected| {
            if tile.kind == TileKind::Entries {
                return Ok(());
            }
            let found = match self.tile(tile, size) {
                Err(error) if error.is_damage() => None,
                found => found?,
            };
            if found.as_deref() != Some(expected) {
                wrong.push((tile, expected.to_vec()));
            }
            Ok::<_, LogError>(())
        })?;
        Ok(wrong)
    }

    /// Calls `visit` with each tile of a log with `size` entries, and with what it should be by the
    /// entries: bundles of these and their hashes first, then the levels above.
    pub(super) fn each_tile(&self, size: u64, visit: &mut Visit<'_>) -> Result<(), LogError> {
        let mut parents = Vec::new();
        let bundles = TilePath::entries(0, size, size).zip(TilePath::hashes(0, 0, size));
        for (bundle, tile) in bundles {
            let entries = self.entries(bundle.index, size)?;
            let entries = entries.ok_or(DamagedLog::Missing {
                size,
                from: bundle.start(),
            })?;
            let text = encode_entries(&entries).map_err(|_| self.too_large())?;
            visit(bundle, &text)?;
            let hashes: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            visit(tile, &encode_hashes(&hashes))?;
            if tile.is_full() {
                parents.push(parent_hash(&hashes));
            }
        }
        for level in 1.. {
            let hashes = std::mem::take(&mut parents);
            if hashes.is_empty() {
                break;
            }
            let tiles = TilePath::hashes(level, 0, size);
            for (tile, hashes) in tiles.zip(hashes.chunks(FULL.into())) {
                visit(tile, &encode_hashes(hashes))?;
                if tile.is_full() {
                    parents.push(parent_hash(hashes));
                }
            }
        }
        Ok(())
    }
}
