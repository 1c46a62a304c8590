//! How far the logs of several registries have come, as they say: all are asked beside each other.
//!
//! ```text
//! first    ----------ok                    waited for as long as there is patience
//! second   --ok
//! third    --------------------- (late)    not longer than GRACE after the first
//! ```

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bulla_registry_client::Patience;
use bulla_trust::Checkpoint;
use tokio::sync::watch;

use super::error::FetchError;
use super::supply::{Source, Supply};

/// How much longer than the first registry the others may take, once one has answered.
const GRACE: Duration = Duration::from_secs(2);

/// What a registry says.
#[derive(Debug)]
pub(crate) enum Said {
    /// Its checkpoint, of which nothing was verified.
    Checkpoint(Checkpoint),
    /// Something else than a checkpoint.
    Nonsense,
    /// Nothing, or that it does not serve its log.
    Failed(FetchError),
    /// Nothing in time. Others did.
    Late,
}

/// Who has answered.
#[derive(Default)]
struct Answered {
    first: bool,
    any: bool,
}

/// Asks registries for their checkpoints. Returns what each said, in the same order.
pub(crate) fn ask(supplies: &[&Supply], patience: Patience) -> Vec<Said> {
    let (enough, _) = watch::channel(false);
    let answered = Mutex::new(Answered::default());
    let ask_one = |number: usize, supply: &Supply| {
        supply.set_patience(patience);
        let said = supply.wait(async {
            tokio::select! {
                said = checkpoint(supply) => said,
                () = lateness(enough.subscribe()) => Said::Late,
            }
        });
        let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.first |= number == 0;
        answered.any |= matches!(said, Said::Checkpoint(_));
        if answered.first && answered.any {
            enough.send_replace(true);
        }
        said
    };
    let ask_one = &ask_one;
    thread::scope(|scope| {
        let asking: Vec<_> = supplies
            .iter()
            .enumerate()
            .map(|(number, supply)| scope.spawn(move || ask_one(number, supply)))
            .collect();
        let ended = asking.into_iter().map(thread::ScopedJoinHandle::join);
        ended
            .map(|said| said.unwrap_or(Said::Failed(FetchError::ThreadDied)))
            .collect()
    })
}

/// Asks one registry.
async fn checkpoint(supply: &Supply) -> Said {
    let Source::Registry(client) = supply.source() else {
        return Said::Nonsense;
    };
    match client.checkpoint().await {
        Ok(note) => Checkpoint::parse(&note).map_or(Said::Nonsense, |(checkpoint, _)| {
            Said::Checkpoint(checkpoint)
        }),
        Err(error) => Said::Failed(error.into()),
    }
}

/// Ends some time after enough registries have answered.
async fn lateness(mut enough: watch::Receiver<bool>) {
    if enough.wait_for(|enough| *enough).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(GRACE).await;
}
