//! What wakes the agent from outside: registries whose log has grown, and signals. One thread
//! listens to all of them.

use std::io;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bulla_registry_client::{Client, ClientError, Watch};
use bulla_schemas::outcome::Outcome;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch::{self, Receiver};

use super::event::Event;
use super::orders::Orders;
use crate::fetch::Access;

/// The longest pause before a registry is asked again that could not be asked.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The size of a log that was not read yet.
const NOT_READ: u64 = u64::MAX;

/// Why the agent cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The operating system refused.
    #[error("cannot wait for signals and registries")]
    System(#[source] io::Error),
    /// A registry's address or token cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Outcome for ListenError {}

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    /// How large the log is, as far as it was read.
    size: Option<watch::Sender<u64>>,
}

impl Listener {
    /// Listens to the registries and to signals.
    pub(super) fn start(orders: &Orders, events: Sender<Event>) -> Result<Self, ListenError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ListenError::System)?;
        let clients = orders.registries.iter().map(Access::client);
        let clients = clients.collect::<Result<Vec<_>, _>>()?;
        let signals = Signals::new(&runtime).map_err(ListenError::System)?;
        let poll = orders.config.poll().as_duration();
        let (size, known) = watch::channel(NOT_READ);
        std::thread::spawn(move || runtime.block_on(listen(clients, poll, signals, known, events)));
        Ok(Self { size: Some(size) })
    }

    /// Listens to nothing.
    pub(super) const fn none() -> Self {
        Self { size: None }
    }

    /// Tells how large the log is by now: only a larger one is news.
    pub(super) fn tell(&self, known: u64) {
        if let Some(size) = &self.size {
            size.send_if_modified(|size| std::mem::replace(size, known) != known);
        }
    }
}

struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new(runtime: &Runtime) -> io::Result<Self> {
        let _entered = runtime.enter();
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.reload.recv() => Event::Reload,
            _ = self.terminate.recv() => Event::Stop,
            _ = self.interrupt.recv() => Event::Stop,
        }
    }
}

/// Ends when the agent does, or listens in another way.
async fn listen(
    clients: Vec<Client>,
    poll: Duration,
    mut signals: Signals,
    mut known: Receiver<u64>,
    events: Sender<Event>,
) {
    let mut watches = tokio::task::JoinSet::new();
    for client in clients {
        let watch = client.watch(poll.min(LONGEST_PAUSE));
        watches.spawn(follow(watch, known.clone(), events.clone()));
    }
    loop {
        tokio::select! {
            event = signals.next() => {
                if events.send(event).is_err() {
                    return;
                }
            }
            changed = known.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// Listens to one registry. The watch itself waits longer and longer while the registry cannot be
/// asked, or says what does not turn out to be so.
async fn follow(mut watch: Watch, mut known: Receiver<u64>, events: Sender<Event>) {
    loop {
        let size = *known.borrow_and_update();
        let heard = tokio::select! {
            // Before the log was read, nothing is news.
            heard = watch.beyond(size), if size != NOT_READ => heard,
            changed = known.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        // The agent polls too, and says what is wrong with a registry.
        if heard.is_ok() && events.send(Event::Grown).is_err() {
            return;
        }
    }
}
