//! Who waits for the log to grow. A watch is a connection that rests for a long time, so it has a
//! limit of its own: however many there are, none of them keeps a pull out.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The watches that there may be, and whether they have to end.
#[derive(Debug)]
pub(crate) struct Watchers {
    places: Arc<Semaphore>,
    /// Has a receiver for each.
    stop: watch::Sender<bool>,
}

/// The right to watch; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Watching {
    stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

/// What the connection of a request is told when the request is a watch: it gives its place to
/// others, and ends with the watch.
#[derive(Clone)]
pub(crate) struct Seat(Arc<dyn Fn() + Send + Sync>);

impl Watchers {
    /// Lets nobody watch until [`admit`](Self::admit) says how many may.
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(0)),
            stop: watch::Sender::new(false),
        }
    }

    /// Lets `most` more watch.
    pub(crate) fn admit(&self, most: usize) {
        self.places.add_permits(most.min(Semaphore::MAX_PERMITS));
    }

    /// Returns how many watch.
    pub(crate) fn count(&self) -> usize {
        self.stop.receiver_count()
    }

    /// Takes a place, if there is one.
    pub(crate) fn begin(&self) -> Option<Watching> {
        Some(Watching {
            stop: self.stop.subscribe(),
            _place: Arc::clone(&self.places).try_acquire_owned().ok()?,
        })
    }

    /// Ends all watches, and lets none begin.
    pub(crate) fn stop(&self) {
        self.places.close();
        self.stop.send_replace(true);
    }
}

impl Watching {
    /// Waits until watches have to end.
    pub(crate) async fn stopped(&mut self) {
        // Without a sender the registry is gone.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }
}

impl Seat {
    /// Takes what the connection does then.
    pub(crate) fn new(leave: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(leave))
    }

    /// Tells the connection.
    pub(crate) fn leave(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seat")
    }
}
