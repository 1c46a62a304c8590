//! A log taken to another folder: its entries are replayed, and lead to the same root there. What they
//! bring is written before the checkpoint that covers it is published.

use bulla_trust::tile::FULL;
use bulla_trust::{Checkpoint, LogState};

use bulla_files::FileError;

use super::error::{DamagedLog, LogError};
use super::recover;
use super::tiles::{LogFiles, items_of};

/// How often a log is read again that has grown meanwhile.
const TRIES: u32 = 20;

/// A log that lies in a folder and is not published there yet.
#[derive(Debug)]
#[must_use = "nothing covers it before it is published"]
pub(crate) struct Unpublished {
    files: LogFiles,
    from: u64,
    to: u64,
    checkpoint: Vec<u8>,
    /// What servers are shown, where that is not the newest.
    witnessed: Option<Vec<u8>>,
    state: LogState,
}

impl Unpublished {
    /// Returns how many entries it has.
    pub(crate) fn size(&self) -> u64 {
        self.to
    }

    /// Returns the state that its entries lead to.
    pub(crate) fn state(&self) -> &LogState {
        &self.state
    }

    /// Publishes it, durably.
    pub(crate) fn publish(self) -> Result<(), FileError> {
        if let Some(witnessed) = &self.witnessed {
            self.files.publish_witnessed(witnessed)?;
        }
        self.files.publish(&self.checkpoint)?;
        self.files.prune(self.from, self.to);
        Ok(())
    }
}

impl LogFiles {
    /// Takes the log as it is published now to the folder of another, which must be the same one as it
    /// was earlier, or none. Nothing when nothing is published here or there.
    pub(crate) fn copy_to(&self, other: &Self) -> Result<Option<Unpublished>, LogError> {
        let there = other.covered()?;
        for tried in 1.. {
            let Some(checkpoint) = self.checkpoint()? else {
                return match there {
                    There::Nothing => Ok(None),
                    There::Covered(there) => Err(LogError::Ahead {
                        here: 0,
                        there: there.size,
                    }),
                    There::Unreadable => Err(LogError::OtherEntries),
                };
            };
            match self.copy_at(checkpoint.clone(), &there, other) {
                // Forms of bundles go when wider ones replace them.
                Err(LogError::Damaged(DamagedLog::Missing { .. }))
                    if tried < TRIES && self.checkpoint()?.as_ref() != Some(&checkpoint) => {}
                copied => return copied.map(Some),
            }
        }
        Ok(None)
    }

    fn copy_at(
        &self,
        checkpoint: Vec<u8>,
        there: &There,
        other: &Self,
    ) -> Result<Unpublished, LogError> {
        let (covered, _) = Checkpoint::parse(&checkpoint).map_err(DamagedLog::Checkpoint)?;
        let (state, _) = recover::read(self, covered.size)?;
        if covered.root != state.root() {
            let (expected, found) = (covered.root, state.root());
            return Err(DamagedLog::Root { expected, found }.into());
        }
        let from = match there {
            There::Nothing => 0,
            There::Covered(there) => require_same(&state, there)?,
            There::Unreadable => {
                require_beginning(self, other, covered.size)?;
                0
            }
        };
        // Also what was there before, because its disk may have damaged it.
        self.each_tile(covered.size, &mut |tile, content| {
            let there = match other.read(tile) {
                Err(error) if error.is_damage() => None,
                there => there?,
            };
            if there.as_deref() == Some(content) {
                return Ok(());
            }
            if tile.start().saturating_add(tile.width.into()) <= items_of(tile.kind, from) {
                tracing::warn!(%tile, "a damaged tile of the log is written again");
            }
            other.write(tile, content)?;
            Ok::<_, LogError>(())
        })?;
        Ok(Unpublished {
            files: other.clone(),
            from,
            to: covered.size,
            checkpoint,
            // Later than the checkpoint, and of no use where it is ahead of that.
            witnessed: self.witnessed()?,
            state,
        })
    }

    /// Reads what the published checkpoint says.
    fn covered(&self) -> Result<There, FileError> {
        let checkpoint = match self.checkpoint() {
            Err(error) if error.is_damage() => return Ok(There::Unreadable),
            checkpoint => checkpoint?,
        };
        Ok(match checkpoint.map(|bytes| Checkpoint::parse(&bytes)) {
            None if self.is_begun()? => There::Unreadable,
            None => There::Nothing,
            Some(Ok((covered, _))) => There::Covered(covered),
            Some(Err(_)) => There::Unreadable,
        })
    }
}

/// What is published where a log is taken to.
#[derive(Debug)]
enum There {
    Nothing,
    Covered(Checkpoint),
    /// A checkpoint that is lost or cannot be read.
    Unreadable,
}

/// Refuses entries that are not the first ones of this log: without a checkpoint nothing else tells
/// another history from damage.
fn require_beginning(here: &LogFiles, there: &LogFiles, size: u64) -> Result<(), LogError> {
    for index in 0..=size / u64::from(FULL) + 1 {
        let known = there.widest(index)?;
        let ours = here.entries(index, size)?.unwrap_or_default();
        if !ours.starts_with(&known) {
            return Err(LogError::OtherEntries);
        }
    }
    Ok(())
}

/// Returns how many entries are there already, of the same history.
fn require_same(state: &LogState, there: &Checkpoint) -> Result<u64, LogError> {
    match state.root_at(there.size) {
        Some(root) if root == there.root => Ok(there.size),
        Some(_) => Err(LogError::OtherHistory { size: there.size }),
        None => Err(LogError::Ahead {
            here: state.size(),
            there: there.size,
        }),
    }
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, log_key, project};

    use super::*;
    use crate::log::signer::Signer;
    use crate::log::tiles::Tail;

    fn log(folder: &std::path::Path, entries: &[Vec<u8>]) -> LogFiles {
        let files = LogFiles::new(folder.to_owned());
        files.grow(0, entries, &mut Tail::default()).unwrap();
        let (state, _) = recover::read(&files, entries.len() as u64).unwrap();
        let signer = Signer::new(&folder.join("key"), log_key());
        files.publish(&signer.sign(&state).unwrap()).unwrap();
        files
    }

    fn organisation(releases: u8) -> Organisation {
        let mut organisation = Organisation::new();
        for number in 0..releases {
            organisation.publish(&project(), &number.to_string());
        }
        organisation
    }

    #[test]
    fn a_copy_goes_on_from_what_is_there_and_refuses_another_history() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let all = organisation(5).entries;
        let to = LogFiles::new(place("to"));
        for size in [2, 2, 4, all.len()] {
            let from = log(&place(&format!("from {size}")), &all[..size]);
            let copied = from.copy_to(&to).unwrap().unwrap();
            assert_eq!(copied.size(), size as u64);
            // What was there before is right until the end; the first time, nothing was.
            let is_first = to.checkpoint().unwrap().is_none();
            assert_eq!(to.check().unwrap().damage.is_some(), is_first);
            copied.publish().unwrap();
            let checked = to.check().unwrap();
            assert!(checked.damage.is_none() && checked.tiles.is_empty());
            assert_eq!(checked.state.unwrap().size(), size as u64);
            assert_eq!(to.checkpoint().unwrap(), from.checkpoint().unwrap());
        }
        let before = to.checkpoint().unwrap();
        let shorter = log(&place("shorter"), &all[..3]);
        assert!(matches!(
            shorter.copy_to(&to),
            Err(LogError::Ahead { here: 3, there: 6 })
        ));
        let mut other = all.clone();
        other.swap(2, 3);
        other.push(all[1].clone());
        let other = log(&place("other"), &other);
        assert!(matches!(
            other.copy_to(&to),
            Err(LogError::OtherHistory { size: 6 })
        ));
        assert_eq!(to.checkpoint().unwrap(), before);
    }
}
