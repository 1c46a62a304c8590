//! Asks witnesses to cosign what the log has come to, after each append and now and then. Nothing waits for
//! them: what they answer comes into `log/cosignatures` as if they had handed it in.

use std::sync::Arc;
use std::time::Duration;

use bulla_registry_client::{Cause, Client, ClientError, WitnessAnswer};
use bulla_schemas::escape::escape;
use bulla_schemas::outcome::with_causes;
use bulla_trust::witness::AddCheckpoint;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app::App;
use crate::blocking::blocking;
use crate::log::{CosignatureError, Growth, LogError};

/// How long a witness may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a witness says again that there is nothing newer, so that servers see how old the log is.
const INTERVAL: Duration = Duration::from_mins(10);
/// The first pause after a failure; it doubles up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// There is no connection to it.
    #[error("it cannot be reached")]
    Unreachable(#[source] Cause),
    /// It has another address, which is not asked.
    #[error("it answered {0}: name the address that it sends on to with --witness")]
    SendsOn(u16),
    /// It says no.
    #[error("it answered {status}: {}", escape(.message))]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// Its answer does not come, or is none.
    #[error(transparent)]
    Client(ClientError),
    /// It does not answer in time.
    #[error("no answer in {} seconds", PATIENCE.as_secs())]
    Slow,
    /// It was shown another history of this log.
    #[error(
        "it has cosigned another history of this log, and cosigns no two: look at what it kept, with \
         `bulla compare`"
    )]
    OtherHistory,
    /// It knows more than there is.
    #[error("it has cosigned {known} entries, and the log has {size}")]
    KnowsMore {
        /// What it cosigned last.
        known: u64,
        /// What is here.
        size: u64,
    },
    /// The proof cannot be made.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What it answered does not count.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
}

impl From<ClientError> for AskError {
    /// The client speaks of registries.
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { source, .. } => Self::Unreachable(source),
            ClientError::Answer(answer) => match answer.status {
                status @ 300..400 => Self::SendsOn(status),
                status => Self::Answer {
                    status,
                    message: answer.message,
                },
            },
            error => Self::Client(error),
        }
    }
}

/// Asks witnesses until the set is dropped.
pub(crate) fn ask(app: &Arc<App>, witnesses: Vec<Client>) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    for witness in witnesses {
        asking.spawn(follow(Arc::clone(app), witness));
    }
    asking
}

async fn follow(app: Arc<App>, witness: Client) {
    let mut growth = app.catalog.log.growth(true);
    // What the witness cosigned last is its to say.
    let (mut asked, mut known) = (0, 0);
    let mut pause = FIRST_PAUSE;
    loop {
        // Before the first policy there is nothing to cosign.
        if let Ok(None) = timeout(INTERVAL, growth.beyond(asked)).await {
            return;
        }
        let size = app.catalog.published().state.size();
        match once(&app, &witness, &mut known).await {
            Ok(()) => {
                asked = known;
                pause = FIRST_PAUSE;
            }
            Err(error) => {
                let url = witness.url();
                tracing::warn!("the witness {url} did not cosign: {}", with_causes(&error));
                match rest(&mut growth, size, pause).await {
                    Some(next) => pause = next,
                    None => return,
                }
            }
        }
    }
}

/// Waits for the length of a pause, or until the log is larger than it was; returns how long the next one
/// is. Nothing when the log grows no more.
async fn rest(growth: &mut Growth, size: u64, pause: Duration) -> Option<Duration> {
    match timeout(pause, growth.beyond(size)).await {
        Ok(grown) => grown.map(|_| FIRST_PAUSE),
        Err(_) => Some((pause * 2).min(INTERVAL)),
    }
}

/// Asks once, and once more where the witness knows another size than was thought.
async fn once(app: &Arc<App>, witness: &Client, known: &mut u64) -> Result<(), AskError> {
    let published = app.catalog.published();
    let size = published.state.size();
    if size == 0 {
        return Ok(());
    }
    for _ in 0..2 {
        let (files, old_size) = (app.catalog.log.files().clone(), *known);
        let proof = blocking(move || files.consistency(old_size, size)).await?;
        let proof = proof.ok_or(AskError::KnowsMore {
            known: old_size,
            size,
        })?;
        let request = AddCheckpoint {
            old_size,
            proof,
            checkpoint: published.checkpoint.clone(),
        };
        let answer = timeout(PATIENCE, witness.add_checkpoint(&request)).await;
        match answer.map_err(|_| AskError::Slow)?? {
            WitnessAnswer::Knows(other) if other != old_size => *known = other,
            // It says so of two trees of one size.
            WitnessAnswer::Knows(known) if known == size => return Err(AskError::OtherHistory),
            WitnessAnswer::Knows(known) => return Err(AskError::KnowsMore { known, size }),
            WitnessAnswer::Inconsistent => return Err(AskError::OtherHistory),
            WitnessAnswer::Cosigned(lines) => {
                let (published, cosigned) = (Arc::clone(&published), app.catalog.log.cosigned());
                let note = [&published.checkpoint[..], &lines].concat();
                let now = app.clock.now();
                let added = blocking(move || cosigned.add(&published, &note, now)).await;
                match added {
                    // Others were faster, and servers have more.
                    Ok(_) | Err(CosignatureError::Late { .. }) => *known = size,
                    Err(error) => return Err(error.into()),
                }
                return Ok(());
            }
        }
    }
    Err(AskError::KnowsMore {
        known: *known,
        size,
    })
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;
    use bulla_schemas::log::LogPosition;
    use tokio::sync::watch;
    use tokio::time::Instant;

    use super::*;
    use crate::log::Shown;

    fn shown(size: u64) -> Arc<Shown> {
        Arc::new(Shown {
            position: LogPosition {
                size,
                root: Digest::of(b""),
            },
            note: Vec::new(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_appended_ends_the_pause_after_a_failure() {
        let (sender, receiver) = watch::channel(shown(3));
        let mut growth = Growth::Shown(receiver);
        let mut pause = FIRST_PAUSE;
        for _ in 0..20 {
            pause = rest(&mut growth, 3, pause).await.unwrap();
        }
        assert_eq!(pause, INTERVAL);
        sender.send_replace(shown(4));
        let before = Instant::now();
        assert_eq!(rest(&mut growth, 3, pause).await, Some(FIRST_PAUSE));
        assert_eq!(before.elapsed(), Duration::ZERO);
        drop(sender);
        assert_eq!(rest(&mut growth, 4, pause).await, None);
    }
}
