//! The connections that are open, how many there may be, and which one makes room for another.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long a connection rests at least before it makes room: longer than a client needs to send
/// its first byte.
const LEAST_REST: Duration = Duration::from_millis(500);
/// How often that is looked at while there is no room.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    permits: Arc<Semaphore>,
    open: Mutex<Vec<Arc<Activity>>>,
}

/// The right to have a connection open; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    activity: Arc<Activity>,
}

/// A request that is being worked on, until it is dropped.
#[derive(Debug)]
pub(super) struct Work(Arc<Activity>);

/// What a connection does.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    /// Milliseconds from `began` until bytes last went either way.
    last: AtomicU64,
    /// How many requests are being worked on.
    working: AtomicUsize,
    /// Whether only the bytes of bodies count, because a client may send others for ever.
    counts_bodies: AtomicBool,
    /// Whether it waits for the log to grow.
    is_watching: AtomicBool,
    /// Its place, unless it watches.
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    end: Notify,
}

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(most)),
            open: Mutex::default(),
        })
    }

    /// Waits for a place. Where there is none, the connection that has rested longest is ended; one
    /// whose request is being worked on never is.
    pub(super) async fn place(self: &Arc<Self>) -> Option<Place> {
        let permit = loop {
            let acquire = Arc::clone(&self.permits).acquire_owned();
            match tokio::time::timeout(LOOK_AGAIN, acquire).await {
                Ok(permit) => break permit.ok()?,
                Err(_) => self.end_resting(LEAST_REST),
            }
        };
        let activity = Arc::new(Activity {
            began: Instant::now(),
            last: AtomicU64::new(0),
            working: AtomicUsize::new(0),
            counts_bodies: AtomicBool::new(false),
            is_watching: AtomicBool::new(false),
            permit: Mutex::new(Some(permit)),
            end: Notify::new(),
        });
        self.with_open(|open| open.push(Arc::clone(&activity)));
        Some(Place {
            connections: Arc::clone(self),
            activity,
        })
    }

    /// Ends the connection that has rested longest, if one has rested for `least`.
    pub(super) fn end_resting(&self, least: Duration) {
        let longest = self.with_open(|open| {
            let resting = open.iter().filter_map(|activity| {
                let rest = activity.rest()?;
                (rest >= least).then_some((rest, activity))
            });
            let longest = resting.max_by_key(|(rest, _)| *rest);
            longest.map(|(_, activity)| Arc::clone(activity))
        });
        if let Some(activity) = longest {
            activity.end();
        }
    }

    fn with_open<T>(&self, run: impl FnOnce(&mut Vec<Arc<Activity>>) -> T) -> T {
        run(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place {
    /// Returns where the connection says what it does.
    pub(super) fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.with_open(|open| {
            open.retain(|activity| !Arc::ptr_eq(activity, &self.activity));
        });
        self.activity.leave();
    }
}

impl Activity {
    /// Notes that bytes went either way.
    pub(super) fn note(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Notes that the socket took or gave bytes.
    pub(super) fn note_bytes(&self) {
        if !self.counts_bodies.load(Ordering::Relaxed) {
            self.note();
        }
    }

    /// From now on only the bytes of bodies count.
    pub(super) fn count_bodies(&self) {
        self.counts_bodies.store(true, Ordering::Relaxed);
    }

    /// Notes that a request is being worked on.
    pub(super) fn work(self: &Arc<Self>) -> Work {
        self.note();
        self.working.fetch_add(1, Ordering::Relaxed);
        Work(Arc::clone(self))
    }

    /// Notes that the connection waits for the log to grow from now on, and gives its place to
    /// others.
    pub(super) fn watch(&self) {
        self.is_watching.store(true, Ordering::Relaxed);
        self.leave();
    }

    /// Tells whether the connection waits for the log to grow.
    pub(super) fn is_watching(&self) -> bool {
        self.is_watching.load(Ordering::Relaxed)
    }

    fn leave(&self) {
        let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        drop(permit.take());
    }

    /// Has the connection end.
    pub(super) fn end(&self) {
        self.end.notify_one();
    }

    /// Waits until the connection has to end.
    pub(super) async fn ended(&self) {
        self.end.notified().await;
    }

    /// Returns how long nothing has happened, when nothing is being worked on. A watch has given
    /// its place away, so its end would make no room.
    fn rest(&self) -> Option<Duration> {
        if self.working.load(Ordering::Relaxed) > 0 || self.is_watching() {
            return None;
        }
        Some(self.silence())
    }

    /// Returns how long ago the last thing happened.
    pub(super) fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.note();
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}
