//! A witness that reads the log itself, and hands in what it cosigned.

use std::sync::Arc;

use bulla_registry_client::{Client, FollowError, judge_newest};
use bulla_schemas::Timestamp;
use bulla_schemas::api::CosignatureReceipt;
use bulla_schemas::log::Anchor;
use bulla_trust::note::VerifierKey;
use bulla_trust::{Checkpoint, LogState, Pin, SignedNote, SigningKey};

use super::error::WitnessError;
use super::memory::Memory;

/// Where a witness begins that remembers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning<'a> {
    /// Nowhere: it refuses.
    Nothing,
    /// With a log that passes through a place that a person knows.
    Anchor(&'a Anchor),
    /// With whatever the registry shows. Only where a person said so.
    FirstUse,
}

/// What a witness knows while it runs.
#[derive(Debug)]
pub struct Witness {
    pub(super) key: SigningKey,
    pub(super) memory: Memory,
    /// The log as it was replayed last; empty at first.
    pub(super) state: Arc<LogState>,
}

/// What was cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// As whom.
    pub name: String,
    /// The log, as far as it was cosigned.
    pub anchor: Anchor,
    /// What the registry says of it.
    pub receipt: CosignatureReceipt,
}

impl Witness {
    /// Takes a key and what was cosigned with it before.
    pub fn new(key: SigningKey, memory: Memory) -> Self {
        Self {
            key,
            memory,
            state: Arc::default(),
        }
    }

    /// Returns how many entries the log had when it was last replayed.
    pub fn size(&self) -> u64 {
        self.state.size()
    }

    /// Reads the log and verifies that it goes on from what was cosigned before.
    pub async fn look(
        &mut self,
        client: &Client,
        beginning: Beginning<'_>,
    ) -> Result<Looked, WitnessError> {
        let found = client.cosignatures().await?;
        let newest = found.newest.into_bytes();
        let known = self.memory.known();
        let pin = match (&known, beginning) {
            (Some(known), _) => Pin::Anchor(known),
            (None, Beginning::Anchor(anchor)) => Pin::Anchor(anchor),
            (None, Beginning::FirstUse) => Pin::FirstUse,
            (None, Beginning::Nothing) => {
                return Err(WitnessError::Forgotten {
                    path: self.memory.path().to_owned(),
                });
            }
        };
        let judged = judge_newest(client, &self.state, pin, &newest).await;
        let state = judged.map_err(|error| self.memory.keep_evidence(error, &newest))?;
        let mut notes = Vec::new();
        for note in found.waiting {
            let note = note.into_bytes();
            notes.push(read(&state, &note).map_err(|()| {
                let kept = self.memory.write_evidence(&note, &newest);
                WitnessError::OtherWaiting { kept }
            })?);
        }
        notes.push(read(&state, &newest).map_err(|()| WitnessError::OtherWaiting { kept: None })?);
        self.state = Arc::new(state);
        Ok(Looked { notes })
    }

    /// Takes over what was replayed elsewhere meanwhile, for its keys, and tells whether it did: not where it
    /// has fewer entries than are known here by now.
    pub(super) fn learn(
        &mut self,
        judged: Result<LogState, FollowError>,
        newest: &[u8],
    ) -> Result<bool, WitnessError> {
        let state = judged.map_err(|error| self.memory.keep_evidence(error, newest))?;
        let known = self.memory.known().map(|known| known.position);
        let known = known.unwrap_or_else(|| self.state.position());
        if state.size() < self.state.size().max(known.size) {
            return Ok(false);
        }
        if state.root_at(known.size) != Some(known.root) {
            let kept = self.memory.keep_both(newest);
            return Err(WitnessError::OtherWaiting { kept });
        }
        self.state = Arc::new(state);
        Ok(true)
    }

    /// Remembers each checkpoint, cosigns it, and hands it in, smallest first: what another witness
    /// has cosigned already, so that there are enough of one size, and the newest.
    pub async fn cosign(
        &mut self,
        client: &Client,
        looked: Looked,
        now: Timestamp,
    ) -> Result<Vec<Cosigned>, WitnessError> {
        let verifier = self.verifier()?;
        let mut done = Vec::new();
        let last = looked.notes.len().saturating_sub(1);
        for (at, (checkpoint, note)) in looked.notes.into_iter().enumerate() {
            let before = self.memory.known().map_or(0, |known| known.position.size);
            let is_done = note.cosigned_at(&verifier).is_some() && at != last;
            if checkpoint.size < before || is_done {
                continue;
            }
            let log_keys = self.log_keys_at(checkpoint.size);
            let mut note = note.signed_only_by(&log_keys);
            if checkpoint.size > before {
                self.memory.remember(&checkpoint, &note)?;
            }
            let time = u64::try_from(now.as_seconds()).unwrap_or_default();
            note.cosign(verifier.name(), &self.key, time)?;
            let receipt = client.cosign(&note.to_bytes()).await?;
            done.push(Cosigned {
                name: verifier.name().to_owned(),
                anchor: Anchor {
                    position: checkpoint.position(),
                    origin: checkpoint.origin,
                },
                receipt,
            });
        }
        Ok(done)
    }

    /// Finds the key in the newest policy that names it: where witnesses change, those who go cosign
    /// together with those who come.
    pub(super) fn verifier(&self) -> Result<VerifierKey, WitnessError> {
        let public = self.key.public_key();
        let versions = self.state.policies().rev();
        let mut keys = versions.flat_map(|version| version.checked.witness_keys());
        let found = keys.find(|key| *key.key() == public);
        found.cloned().ok_or_else(|| WitnessError::NotNamed {
            fingerprint: public.fingerprint(),
            origin: self.state.origin().unwrap_or_default().to_owned(),
        })
    }

    fn log_keys_at(&self, size: u64) -> Vec<VerifierKey> {
        let mut versions = self.state.policies().rev();
        let version = versions.find(|version| version.entry < size);
        version.map_or_else(Vec::new, |version| version.checked.log_keys().to_vec())
    }
}

/// Checkpoints of one history, smallest first, the newest last.
#[derive(Debug)]
pub struct Looked {
    notes: Vec<(Checkpoint, SignedNote)>,
}

impl Looked {
    /// Returns what the newest of them commits to.
    pub fn newest(&self) -> Option<Anchor> {
        let (checkpoint, _) = self.notes.last()?;
        Some(Anchor {
            origin: checkpoint.origin.clone(),
            position: checkpoint.position(),
        })
    }
}

/// Reads a checkpoint that must be of the replayed log.
fn read(state: &LogState, note: &[u8]) -> Result<(Checkpoint, SignedNote), ()> {
    let (checkpoint, note) = Checkpoint::parse(note).map_err(drop)?;
    let is_of_log = state.root_at(checkpoint.size) == Some(checkpoint.root);
    is_of_log.then_some((checkpoint, note)).ok_or(())
}
