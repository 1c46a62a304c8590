//! The sequencer: one thread that gives entries their places. Envelopes that arrive while it
//! writes are appended together, under one checkpoint.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use bulla_schemas::Digest;
use bulla_schemas::api::Appended;
use bulla_trust::merkle::leaf_hash;
use bulla_trust::{
    Checkpoint, LogState, PublicKey, SignatureType, SignedEnvelope, SigningKey, Statement, Verdict,
    VerifierKey, replay,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{DamagedLog, LogError};
use super::published::Published;
use super::tiles::{LogFiles, Tail};
use bulla_files::FileError;

/// Most envelopes under one checkpoint, and most that wait.
pub(super) const MOST_AT_ONCE: usize = 64;

/// An envelope on its way into the log.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) envelope: Vec<u8>,
    pub(super) answer: oneshot::Sender<Result<Appended, Arc<LogError>>>,
}

struct Sequencer {
    files: LogFiles,
    key: SigningKey,
    state: LogState,
    tail: Tail,
    /// The newest entries by their leaf hashes: an envelope that is sent again, because its answer
    /// was lost, keeps its place.
    newest: HashMap<Digest, u64>,
    publish: watch::Sender<Arc<Published>>,
}

/// Starts the thread. It ends when nobody can send requests any more.
pub(super) fn start(
    files: LogFiles,
    key: SigningKey,
    tail: Tail,
    publish: watch::Sender<Arc<Published>>,
    mut requests: mpsc::Receiver<Request>,
) -> std::io::Result<JoinHandle<()>> {
    let state = publish.borrow().state.clone();
    let mut sequencer = Sequencer {
        files,
        key,
        state,
        tail,
        newest: HashMap::new(),
        publish,
    };
    Builder::new().name("sequencer".to_owned()).spawn(move || {
        while let Some(first) = requests.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < MOST_AT_ONCE
                && let Ok(next) = requests.try_recv()
            {
                batch.push(next);
            }
            sequencer.append(batch);
        }
    })
}

impl Sequencer {
    fn append(&mut self, batch: Vec<Request>) {
        let size = self.state.size();
        let mut state = self.state.clone();
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut waiting: Vec<(u64, oneshot::Sender<_>)> = Vec::new();
        let mut places = HashMap::new();
        for Request { envelope, answer } in batch {
            let leaf = leaf_hash(&envelope);
            if let Some(index) = self.newest.get(&leaf).or_else(|| places.get(&leaf)) {
                waiting.push((*index, answer));
                continue;
            }
            match place(&state, &envelope, &self.key.public_key()) {
                Ok(next) => {
                    waiting.push((state.size(), answer));
                    places.insert(leaf, state.size());
                    state = next;
                    entries.push(envelope);
                }
                // The other side may have gone; its statement is refused all the same.
                Err(error) => drop(answer.send(Err(Arc::new(error)))),
            }
        }
        let result = self.write(&state, &entries).map_err(Arc::new);
        if let Err(error) = &result {
            let error: &(dyn std::error::Error + 'static) = &**error;
            tracing::error!(error, from = size, "nothing was appended");
        } else {
            if self.newest.len() > 4096 {
                self.newest.clear();
            }
            self.newest.extend(places);
        }
        for (index, answer) in waiting {
            let size = self.state.size();
            let appended = match &result {
                Err(error) if index >= size => Err(Arc::clone(error)),
                _ => Ok(Appended { index, size }),
            };
            drop(answer.send(appended));
        }
    }

    /// Writes entries and tiles, then signs and publishes a checkpoint over them. When that fails,
    /// the log is as it was before.
    fn write(&mut self, state: &LogState, entries: &[Vec<u8>]) -> Result<(), LogError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (from, to) = (self.state.size(), state.size());
        let mut tail = self.tail.clone();
        let written = self
            .files
            .grow(from, entries, &mut tail)
            .map_err(LogError::from)
            .and_then(|()| sign(state, &self.key))
            .and_then(|checkpoint| {
                self.publish_file(&checkpoint)?;
                Ok(checkpoint)
            });
        let checkpoint = match written {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                // Whoever sent these was told that they failed, so no restart may finish them.
                self.files.discard(from, to);
                return Err(error);
            }
        };
        self.tail = tail;
        self.state = state.clone();
        self.publish.send_replace(Arc::new(Published {
            state: state.clone(),
            checkpoint,
        }));
        self.files.prune(from, to);
        tracing::info!(from, to, "appended to the log");
        Ok(())
    }
}

impl Sequencer {
    /// Publishes a checkpoint. When the rename happened and what follows failed, readers see the
    /// new checkpoint, so it counts.
    fn publish_file(&self, checkpoint: &[u8]) -> Result<(), FileError> {
        match self.files.publish(checkpoint) {
            Err(error) if self.files.checkpoint()?.as_deref() == Some(checkpoint) => {
                tracing::warn!(%error, "a checkpoint was published and may not be durable yet");
                Ok(())
            }
            result => result,
        }
    }
}

/// Returns the state after an envelope, if it would have an effect.
fn place(state: &LogState, envelope: &[u8], key: &PublicKey) -> Result<LogState, LogError> {
    judge(state, envelope, key)?;
    let (next, _) = replay(state.clone(), [envelope]).map_err(DamagedLog::from)?;
    Ok(next)
}

/// Tells whether an envelope would have an effect as the next entry of this registry's log.
pub(super) fn judge(state: &LogState, envelope: &[u8], key: &PublicKey) -> Result<(), LogError> {
    let ineffective = |error: &dyn std::error::Error| {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason = format!("{reason}: {error}");
            cause = error.source();
        }
        LogError::Ineffective { reason }
    };
    match state.judge(envelope) {
        Ok(Verdict::Effective) => {}
        Ok(Verdict::Inert(reason)) => return Err(ineffective(&reason)),
        Err(error) => return Err(ineffective(&error)),
    }
    let parsed = SignedEnvelope::from_bytes(envelope).map_err(|error| ineffective(&error))?;
    match Statement::parse(parsed.payload_type(), parsed.payload()) {
        Ok(Statement::Policy(policy)) => check_log_key(&policy.origin, &policy.log_keys, key),
        _ => Ok(()),
    }
}

/// A policy without this registry's key would end the log: nobody would believe the checkpoint.
fn check_log_key(origin: &str, log_keys: &[String], key: &PublicKey) -> Result<(), LogError> {
    let own = VerifierKey::new(origin, SignatureType::Note, key.clone())?.to_string();
    if log_keys.contains(&own) {
        Ok(())
    } else {
        Err(LogError::Ineffective {
            reason: format!("the policy's logKeys lack the key of this registry, `{own}`"),
        })
    }
}

/// Signs a checkpoint over a state under the log's name.
pub(super) fn sign(state: &LogState, key: &SigningKey) -> Result<Vec<u8>, LogError> {
    let checkpoint = Checkpoint {
        // Only a policy can be the first entry that has an effect.
        origin: state.origin().unwrap_or_default().to_owned(),
        size: state.size(),
        root: state.root(),
    };
    Ok(checkpoint.sign(key)?.to_bytes())
}
