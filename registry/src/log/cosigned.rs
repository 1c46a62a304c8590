//! What witnesses said of the log: the newest checkpoint that as many of them cosigned as the policy
//! asks for, which servers are shown, and those beyond it that wait for more.
//!
//! ```text
//! appended ─▶ newest checkpoint ─▶ witnesses ─▶ cosigned, waiting ─quorum─▶ witnessed
//!             people, witnesses                                            servers, mirrors
//! ```
//!
//! Where a policy asks for no witness, the newest checkpoint is what servers are shown. Where the
//! witnesses change, those of both policies are needed, as readers ask for it. Only what is witnessed
//! is written down, `log/witnessed`; what waits is cosigned again after a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_files::FileError;
use bulla_schemas::Timestamp;
use bulla_schemas::api::{CosignatureReceipt, Cosignatures};
use bulla_schemas::log::LogPosition;
use bulla_schemas::outcome::with_causes;
use bulla_trust::checkpoint::CheckpointError;
use bulla_trust::{CheckedPolicy, Checkpoint, LogState, SignedNote, VerifierKey, witness};
use tokio::sync::watch;

use super::published::{Published, Shown};
use super::tiles::LogFiles;

/// Most sizes that wait at once. Each of them has a cosignature, so witnesses make them alone.
const MOST_WAITING: usize = 32;

/// What witnesses said.
#[derive(Debug)]
pub(crate) struct Cosigned {
    files: LogFiles,
    notes: Mutex<Notes>,
    shown: watch::Sender<Arc<Shown>>,
}

#[derive(Debug, Default)]
struct Notes {
    witnessed: Option<Covered>,
    /// Whether the file says that.
    is_saved: bool,
    /// By size.
    waiting: BTreeMap<u64, SignedNote>,
}

#[derive(Debug)]
struct Covered {
    position: LogPosition,
    note: SignedNote,
}

/// Why a cosignature is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CosignatureError {
    /// Not a checkpoint.
    #[error("expected a checkpoint with a cosignature")]
    Checkpoint(#[source] CheckpointError),
    /// Of another log, or of another history of this one.
    #[error("the checkpoint of {size} entries is not one of this log")]
    OtherLog {
        /// Its size.
        size: u64,
    },
    /// None that counts.
    #[error("no cosignature under it is by a witness of the policy")]
    NoWitness,
    /// From the future.
    #[error("the witness `{name}` says that it is {}, which is {seconds} seconds ahead", .time)]
    Ahead {
        /// The witness.
        name: String,
        /// What it says.
        time: Timestamp,
        /// How far ahead of this registry.
        seconds: i64,
    },
    /// Servers are shown a larger one.
    #[error("{witnessed} entries have been cosigned by enough witnesses, and these are {size}")]
    Late {
        /// Its size.
        size: u64,
        /// What servers are shown.
        witnessed: u64,
    },
    /// It could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Cosigned {
    /// Reads what was witnessed of a log. What cannot be used of it is cosigned again.
    pub(super) fn open(
        files: &LogFiles,
        published: &Published,
    ) -> Result<(Arc<Self>, watch::Receiver<Arc<Shown>>), FileError> {
        let witnessed = files.witnessed()?.and_then(|bytes| {
            let covered = covered(&published.state, &bytes);
            if covered.is_none() {
                tracing::warn!("what was witnessed is not of this log, and is left out");
            }
            covered
        });
        let (shown, receive) = watch::channel(Arc::new(Shown {
            position: published.state.position(),
            note: published.checkpoint.clone(),
        }));
        let cosigned = Self {
            files: files.clone(),
            notes: Mutex::new(Notes {
                is_saved: witnessed.is_some(),
                witnessed,
                waiting: BTreeMap::new(),
            }),
            shown,
        };
        cosigned.grow(published);
        Ok((Arc::new(cosigned), receive))
    }

    /// Writes down what servers are shown, before a checkpoint is published that they are not to be
    /// shown yet.
    pub(super) fn hold(&self, next: &LogState) -> Result<(), FileError> {
        let mut notes = self.lock();
        let Some(witnessed) = &notes.witnessed else {
            return Ok(());
        };
        let mut asked = asking(next, next.size(), Some(witnessed.position.size));
        if !notes.is_saved && asked.any(|policy| policy.policy().witnesses.quorum > 0) {
            self.files.publish_witnessed(&witnessed.note.to_bytes())?;
            notes.is_saved = true;
        }
        Ok(())
    }

    /// Takes over what is published now, where it needs no more witnesses.
    pub(super) fn grow(&self, published: &Published) {
        let mut notes = self.lock();
        if let Some(newest) = covered(&published.state, &published.checkpoint) {
            let before = notes.witnessed.as_ref().map(|before| before.position.size);
            let is_same = before == Some(newest.position.size);
            if !is_same && is_enough(&published.state, before, &newest) {
                notes.witness(newest);
            }
        }
        self.show(&notes, published);
    }

    /// Takes over a checkpoint that another registry's servers are shown.
    pub(super) fn mirror(&self, published: &Published) {
        let mut notes = self.lock();
        if let Some(newest) = covered(&published.state, &published.checkpoint) {
            notes.witness(newest);
        }
        self.show(&notes, published);
    }

    /// Takes a cosignature by a witness of the policy.
    pub(crate) fn add(
        &self,
        published: &Published,
        note: &[u8],
        now: Timestamp,
    ) -> Result<CosignatureReceipt, CosignatureError> {
        let state = &published.state;
        let (checkpoint, note) = Checkpoint::parse(note).map_err(CosignatureError::Checkpoint)?;
        let size = checkpoint.size;
        let is_of_log = state.origin() == Some(&checkpoint.origin)
            && state.root_at(size) == Some(checkpoint.root);
        let own = own_signature(published, size, &note).filter(|_| is_of_log && size > 0);
        let own = own.ok_or(CosignatureError::OtherLog { size })?;
        let mut notes = self.lock();
        let before = notes.witnessed.as_ref().map(|before| before.position.size);
        if let Some(witnessed) = before.filter(|before| size < *before) {
            return Err(CosignatureError::Late { size, witnessed });
        }
        let is_witnessed = before == Some(size);
        let mut keys = keys(state, size, before);
        if is_witnessed {
            keys = with_former(state, keys);
        }
        check_times(&keys, &note, now)?;
        let mut merged = match &notes.witnessed {
            Some(witnessed) if is_witnessed => witnessed.note.clone(),
            _ => notes.waiting.get(&size).cloned().unwrap_or(own),
        };
        if !merged.take_cosignatures(&note, &keys) {
            // The same again, or one that is older: the answer was lost.
            let is_known = keys.iter().any(|key| note.cosigned_at(key).is_some());
            if !is_known {
                return Err(CosignatureError::NoWitness);
            }
        }
        let covered = Covered {
            position: checkpoint.position(),
            note: merged,
        };
        let is_enough = is_enough(state, before, &covered);
        let policy = policy_at(state, size);
        let cosigned = policy.map_or(0, |policy| witness::count(policy, &covered.note));
        if is_enough {
            self.files.publish_witnessed(&covered.note.to_bytes())?;
            notes.witness(covered);
            notes.is_saved = true;
            self.show(&notes, published);
        } else {
            notes.waiting.insert(size, covered.note);
            while notes.waiting.len() > MOST_WAITING {
                notes.waiting.pop_first();
            }
        }
        Ok(CosignatureReceipt {
            size,
            cosigned,
            quorum: policy.map_or(0, |policy| policy.policy().witnesses.quorum),
            witnessed: notes.witnessed.as_ref().map(|one| one.position.size),
        })
    }

    /// Returns what servers are shown, what waits, and the newest checkpoint.
    pub(crate) fn all(&self, published: &Published) -> Cosignatures {
        let notes = self.lock();
        let newest = text(&published.checkpoint);
        let waiting = notes.waiting.iter();
        let waiting = waiting.filter(|(size, _)| **size < published.state.size());
        let of_newest = notes.waiting.get(&published.state.size());
        Cosignatures {
            witnessed: text(&self.shown.borrow().note),
            waiting: waiting.map(|(_, note)| text(&note.to_bytes())).collect(),
            newest: of_newest.map_or(newest, |note| text(&note.to_bytes())),
        }
    }

    fn show(&self, notes: &Notes, published: &Published) {
        let shown = match &notes.witnessed {
            Some(witnessed) => Shown {
                position: witnessed.position,
                note: witnessed.note.to_bytes(),
            },
            // Nothing is known of witnesses, so whoever asks for them is told by the note itself.
            None => Shown {
                position: published.state.position(),
                note: published.checkpoint.clone(),
            },
        };
        self.shown.send_replace(Arc::new(shown));
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn witness(&mut self, covered: Covered) {
        self.waiting = self.waiting.split_off(&(covered.position.size + 1));
        self.witnessed = Some(covered);
        self.is_saved = false;
    }
}

/// The policy in effect when the log had `size` entries.
fn policy_at(state: &LogState, size: u64) -> Option<&CheckedPolicy> {
    let mut versions = state.policies().rev();
    let version = versions.find(|version| version.entry < size);
    version.map(|version| &version.checked)
}

/// The policies whose witnesses readers ask for who go from `before` to `size`.
fn asking(
    state: &LogState,
    size: u64,
    before: Option<u64>,
) -> impl Iterator<Item = &CheckedPolicy> {
    let before = before.and_then(|before| policy_at(state, before));
    policy_at(state, size).into_iter().chain(before)
}

fn is_enough(state: &LogState, before: Option<u64>, covered: &Covered) -> bool {
    let mut asking = asking(state, covered.position.size, before);
    asking.all(|policy| witness::has_quorum(policy, &covered.note))
}

/// The keys of witnesses that may cosign, those of the newest policy too.
fn keys(state: &LogState, size: u64, before: Option<u64>) -> Vec<VerifierKey> {
    let mut keys: Vec<VerifierKey> = Vec::new();
    for policy in asking(state, size, before).chain(state.checked_policy()) {
        let new = policy.witness_keys().iter();
        let new: Vec<_> = new.filter(|key| !keys.contains(key)).cloned().collect();
        keys.extend(new);
    }
    keys
}

/// Adds the keys of witnesses that were taken out of the policy. They count for servers alone that still
/// know no other, so they may only stand under what servers are shown.
fn with_former(state: &LogState, mut keys: Vec<VerifierKey>) -> Vec<VerifierKey> {
    let versions = state.policies().rev();
    for key in versions.flat_map(|version| version.checked.witness_keys()) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

fn check_times(
    keys: &[VerifierKey],
    note: &SignedNote,
    now: Timestamp,
) -> Result<(), CosignatureError> {
    for key in keys {
        let Some(time) = witness::cosigned_at(key, note) else {
            continue;
        };
        let seconds = time.as_seconds() - now.as_seconds();
        if seconds > witness::MOST_AHEAD {
            let name = key.name().to_owned();
            return Err(CosignatureError::Ahead {
                name,
                time,
                seconds,
            });
        }
    }
    Ok(())
}

/// Returns a checkpoint of this log with the log's signature alone.
fn own_signature(published: &Published, size: u64, note: &SignedNote) -> Option<SignedNote> {
    let log_keys = policy_at(&published.state, size)?.log_keys();
    let own = note.signed_only_by(log_keys);
    log_keys
        .iter()
        .any(|key| own.is_signed_by(key))
        .then_some(own)
}

/// Reads a checkpoint that must be of the log.
fn covered(state: &LogState, note: &[u8]) -> Option<Covered> {
    let (checkpoint, note) = match Checkpoint::parse(note) {
        Ok(read) => read,
        Err(error) if !note.is_empty() => {
            tracing::warn!("a checkpoint cannot be read: {}", with_causes(&error));
            return None;
        }
        Err(_) => return None,
    };
    let is_of_log = state.root_at(checkpoint.size) == Some(checkpoint.root);
    is_of_log.then(|| Covered {
        position: checkpoint.position(),
        note,
    })
}

fn text(note: &[u8]) -> String {
    String::from_utf8_lossy(note).into_owned()
}
