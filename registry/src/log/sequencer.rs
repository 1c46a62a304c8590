//! The sequencer: one thread that gives entries their places. Envelopes that arrive while it
//! writes are appended together, under one checkpoint.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use bulla_files::FileError;
use bulla_schemas::Timestamp;
use bulla_trust::{
    Admitted, LogState, PublicKey, SignatureType, Statement, Submission, VerifierKey,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::cosigned::Cosigned;
use super::error::LogError;
use super::kept::KeptState;
use super::published::{Placed, Published};
use super::signer::Signer;
use super::tiles::{LogFiles, Tail};
use crate::failpoint::failpoint;
use crate::quota::{Exceeded, Quota};

/// Most envelopes under one checkpoint, and most that wait.
pub(super) const MOST_AT_ONCE: usize = 64;

/// An envelope on its way into the log.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) submission: Arc<Submission>,
    /// The token that it came with.
    pub(super) token: String,
    /// When it came.
    pub(super) now: Timestamp,
    pub(super) answer: Answer,
}

type Answer = oneshot::Sender<Result<Placed, Arc<LogError>>>;

struct Sequencer {
    files: LogFiles,
    kept: KeptState,
    cosigned: Arc<Cosigned>,
    signer: Signer,
    quota: Quota,
    state: LogState,
    tail: Tail,
    publish: watch::Sender<Arc<Published>>,
}

/// Starts the thread. It ends when no more requests can come.
pub(super) fn start(
    (files, kept, cosigned): (LogFiles, KeptState, Arc<Cosigned>),
    signer: Signer,
    quota: Quota,
    tail: Tail,
    publish: watch::Sender<Arc<Published>>,
    mut requests: mpsc::Receiver<Request>,
) -> std::io::Result<JoinHandle<()>> {
    let state = publish.borrow().state.clone();
    let mut sequencer = Sequencer {
        files,
        kept,
        cosigned,
        signer,
        quota,
        state,
        tail,
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
        let mut waiting: Vec<(Admitted, Request)> = Vec::new();
        for request in batch {
            match self.admit(&mut state, &request) {
                Ok(admitted) => {
                    if let Admitted::New { .. } = admitted {
                        entries.push(request.submission.bytes().to_vec());
                    }
                    waiting.push((admitted, request));
                }
                // The other side may have gone; its statement is refused all the same.
                Err(error) => drop(request.answer.send(Err(Arc::new(error)))),
            }
        }
        let result = self.write(&state, &entries).map_err(Arc::new);
        if let Err(error) = &result {
            let error: &(dyn std::error::Error + 'static) = &**error;
            tracing::error!(error, from = size, "nothing was appended");
        }
        for (admitted, Request { token, answer, .. }) in waiting {
            let size = self.state.size();
            let (Admitted::New { entry } | Admitted::Known { entry }) = admitted;
            let placed = match &result {
                Err(error) if entry >= size => {
                    if let Admitted::New { .. } = admitted {
                        self.quota.give_back(&token);
                    }
                    Err(Arc::clone(error))
                }
                _ => Ok(Placed { admitted, size }),
            };
            drop(answer.send(placed));
        }
    }

    /// Appends an envelope to `state` if it has an effect. Only a new entry counts as one of its
    /// token's hour; what the log has already is told to a token that has no more of them, too.
    fn admit(&mut self, state: &mut LogState, request: &Request) -> Result<Admitted, LogError> {
        let Request {
            submission, token, ..
        } = request;
        let signer = &self.signer;
        if let Err(Exceeded { most, seconds }) = self.quota.take(token, request.now) {
            return match admit(&mut state.clone(), submission, signer)? {
                Admitted::New { .. } => Err(LogError::TooManyEntries { most, seconds }),
                known @ Admitted::Known { .. } => Ok(known),
            };
        }
        let admitted = admit(state, submission, signer);
        if !matches!(admitted, Ok(Admitted::New { .. })) {
            self.quota.give_back(token);
        }
        admitted
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
            .and_then(|()| {
                failpoint!("sequencer::tiles-written");
                self.signer.sign(state)
            })
            .and_then(|checkpoint| {
                self.cosigned.hold(state)?;
                self.publish_file(&checkpoint)?;
                failpoint!("sequencer::checkpoint-published");
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
        let published = Arc::new(Published {
            state: state.clone(),
            checkpoint,
        });
        if let Err(error) = self.signer.settle(state) {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(
                error,
                "the log's next key was not put in the place of the one before"
            );
        }
        self.publish.send_replace(Arc::clone(&published));
        self.kept.follow(&published);
        self.cosigned.grow(&published);
        self.files.prune(from, to);
        failpoint!("sequencer::pruned");
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

/// Appends an envelope to a state if it has an effect as the next entry of this registry's log.
pub(super) fn admit(
    state: &mut LogState,
    submission: &Submission,
    signer: &Signer,
) -> Result<Admitted, LogError> {
    if let Statement::Policy(policy) = submission.statement() {
        let checked = check_log_key(&policy.origin, &policy.log_keys, &signer.public_keys()?);
        checked.map_err(|error| match error {
            // There is only the next one, and that has to be named first.
            LogError::NoLogKey { key } if signer.current().is_none() => LogError::AwaitsKey { key },
            error => error,
        })?;
    }
    let ineffective = |reason| LogError::Ineffective(Box::new(reason));
    if signer.current().is_some() {
        return state.admit(submission).map_err(ineffective);
    }
    let mut next = state.clone();
    let admitted = next.admit(submission).map_err(ineffective)?;
    if let Admitted::New { .. } = admitted {
        signer.require_for(&next)?;
        *state = next;
    }
    Ok(admitted)
}

/// A policy without this registry's key would end the log: no client would believe the checkpoint.
fn check_log_key(origin: &str, log_keys: &[String], keys: &[PublicKey]) -> Result<(), LogError> {
    let mut own = None;
    for key in keys {
        let line = VerifierKey::new(origin, SignatureType::Note, key.clone())?.to_string();
        if log_keys.contains(&line) {
            return Ok(());
        }
        own.get_or_insert(line);
    }
    Err(LogError::NoLogKey {
        key: own.unwrap_or_default(),
    })
}
