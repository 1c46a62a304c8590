//! A log taken to another folder: its entries are replayed, and lead to the same root there. What they
//! bring is written before the checkpoint that covers it is published.

use std::path::Path;

use bulla_files::FileError;
use bulla_schemas::log::Anchor;
use bulla_trust::tile::FULL;
use bulla_trust::{Checkpoint, LogState, SignedNote, SigningKey};

use super::error::{DamagedLog, LogError};
use super::tiles::{LogFiles, items_of};
use super::{key, recover};

/// How often a log is read again that has grown meanwhile.
const TRIES: u32 = 20;

/// What else has to hold of a log and the note that covers it before it is taken to where another one is.
type Check<'a> = &'a dyn Fn(&LogState, &SignedNote, &There) -> Result<(), LogError>;

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
        self.copy_where(other, &|_, _, _| Ok(()))
    }

    /// The same where the key in a file signed the checkpoint, and the policy names that key: whoever had
    /// the log on its way may have put anything behind what was once signed. Without the key, a key of the
    /// policy has to have signed it, and the anchor, or what is there, tells which log it is. Nothing is
    /// written before that is known, because the next start would finish it.
    pub(crate) fn copy_signed(
        &self,
        other: &Self,
        key: &Path,
        anchor: Option<&Anchor>,
    ) -> Result<Option<Unpublished>, LogError> {
        self.copy_where(other, &|state, note, there| {
            anchor.map_or(Ok(()), |anchor| require_anchored(state, anchor))?;
            match key::read(key)? {
                Some(own) => require_signed(state, note, &own, key),
                None if anchor.is_none() && !matches!(there, There::Covered(_)) => {
                    Err(LogError::NoAnchor)
                }
                None if state.policy().is_some() && recover::is_signed(state, note) => Ok(()),
                None => Err(DamagedLog::Unsigned.into()),
            }
        })
    }

    fn copy_where(&self, other: &Self, check: Check<'_>) -> Result<Option<Unpublished>, LogError> {
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
            match self.copy_at(checkpoint.clone(), &there, other, check) {
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
        check: Check<'_>,
    ) -> Result<Unpublished, LogError> {
        let (covered, note) = Checkpoint::parse(&checkpoint).map_err(DamagedLog::Checkpoint)?;
        let (state, _) = recover::read(self, covered.size)?;
        if covered.root != state.root() {
            let (expected, found) = (covered.root, state.root());
            return Err(DamagedLog::Root { expected, found }.into());
        }
        check(&state, &note, there)?;
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
            witnessed: self.witnessed()?.filter(|note| is_of(&state, note)),
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

/// Refuses a checkpoint that a key did not sign under the log's name, or whose policy does not name the
/// key, which lies at `path`.
fn require_signed(
    state: &LogState,
    note: &SignedNote,
    key: &SigningKey,
    path: &Path,
) -> Result<(), LogError> {
    key::require_named(state, key, path)?;
    let own = key::line(state.origin().unwrap_or_default(), key)?;
    if note.is_signed_by(&own) {
        Ok(())
    } else {
        let key = own.to_string();
        Err(LogError::NotSignedHere { key })
    }
}

/// Refuses a log that does not pass through an anchor.
fn require_anchored(state: &LogState, anchor: &Anchor) -> Result<(), LogError> {
    let position = &anchor.position;
    let is_passed = state.origin() == Some(&anchor.origin)
        && state.root_at(position.size) == Some(position.root);
    if is_passed {
        return Ok(());
    }
    let anchor = anchor.to_string();
    Err(LogError::NotAnchored { anchor })
}

/// Tells whether a note is a checkpoint of this history.
fn is_of(state: &LogState, note: &[u8]) -> bool {
    let read = Checkpoint::parse(note);
    read.is_ok_and(|(covered, _)| state.root_at(covered.size) == Some(covered.root))
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
    use bulla_trust::testing::{Organisation, key, log_key, project};

    use super::*;
    use crate::log::signer::Signer;
    use crate::log::tiles::Tail;

    fn log(folder: &std::path::Path, entries: &[Vec<u8>]) -> LogFiles {
        let files = LogFiles::new(folder.to_owned());
        files.grow(0, entries, &mut Tail::default()).unwrap();
        let (state, _) = recover::read(&files, entries.len() as u64).unwrap();
        let signer = Signer::new(&folder.join("key"), Some(log_key()));
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

    #[test]
    fn a_copy_to_which_somebody_added_is_not_taken_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let all = organisation(3);
        let own = place("key.pem");
        bulla_files::write(&own, log_key().to_pem().as_bytes()).unwrap();
        let real = log(&place("real"), &all.entries);

        // An entry more, under the signature of what was there before, or of another key.
        let more = [&all.entries[..], &[b"anything".to_vec()]].concat();
        let forged = log(&place("forged"), &more);
        let (state, _) = recover::read(&forged, more.len() as u64).unwrap();
        let stranger = Signer::new(&place("absent"), Some(key("mallory")));
        forged.publish(&stranger.sign(&state).unwrap()).unwrap();
        let to = LogFiles::new(place("to"));
        assert!(matches!(
            forged.copy_signed(&to, &own, None),
            Err(LogError::NotSignedHere { .. })
        ));
        assert!(matches!(
            forged.copy_signed(&to, &place("absent"), Some(&all.anchor())),
            Err(LogError::Damaged(DamagedLog::Unsigned))
        ));
        assert!(!to.is_begun().unwrap() && to.checkpoint().unwrap().is_none());

        // What servers were shown is of this history, or is left out.
        real.publish_witnessed(b"garbage").unwrap();
        let copied = real.copy_signed(&to, &own, None).unwrap().unwrap();
        copied.publish().unwrap();
        assert_eq!(to.witnessed().unwrap(), None);
        assert_eq!(to.checkpoint().unwrap(), real.checkpoint().unwrap());
    }

    #[test]
    fn without_the_key_an_anchor_or_what_is_there_tells_which_log_a_copy_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let absent = place("absent");
        let all = organisation(3);
        let real = log(&place("real"), &all.entries);
        let shorter = log(&place("shorter"), &all.entries[..2]);
        let to = LogFiles::new(place("to"));
        assert!(matches!(
            real.copy_signed(&to, &absent, None),
            Err(LogError::NoAnchor)
        ));
        // Somebody else's log, which signs itself as well.
        let mut other = Organisation::new();
        other.publish(&project(), "of another log");
        assert!(matches!(
            real.copy_signed(&to, &absent, Some(&other.anchor())),
            Err(LogError::NotAnchored { .. })
        ));
        assert!(!to.is_begun().unwrap());
        let copied = shorter.copy_signed(&to, &absent, Some(&all.state.anchor().unwrap()));
        assert!(matches!(copied, Err(LogError::NotAnchored { .. })));
        let early = Anchor {
            position: bulla_schemas::log::LogPosition {
                size: 1,
                root: all.state.root_at(1).unwrap(),
            },
            ..all.anchor()
        };
        let copied = shorter.copy_signed(&to, &absent, Some(&early));
        copied.unwrap().unwrap().publish().unwrap();
        // From here on, what is there tells it.
        let copied = real.copy_signed(&to, &absent, None).unwrap().unwrap();
        copied.publish().unwrap();
        assert_eq!(to.checkpoint().unwrap(), real.checkpoint().unwrap());
    }

    #[test]
    fn a_tile_or_checkpoint_of_a_copy_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let all = organisation(3);
        for file in ["tile/entries/000.p/4", "checkpoint"] {
            let from = log(&place("from"), &all.entries);
            // It takes no room on the disk.
            let path = place("from").join(file);
            let opened = std::fs::OpenOptions::new().write(true).open(&path);
            opened.unwrap().set_len(1 << 40).unwrap();
            let copied = from.copy_to(&LogFiles::new(place("to")));
            assert!(
                matches!(&copied, Err(LogError::File(FileError::TooLarge { .. }))),
                "{copied:?}"
            );
        }
    }
}
