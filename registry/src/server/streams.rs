//! Requests beside others on one connection, which HTTP/2 calls streams: how many there are, of one
//! connection and of all, and whether each client takes what it is sent.
//!
//! A stream has a place among all of them until the last byte of its answer has left for the
//! socket: the bytes hold it. What waits in memory for clients that take nothing is thereby bounded
//! by the number of places, as it is with HTTP/1 by the number of connections.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::{Activity, Connections};
use super::taken::Taken;
use crate::settings::Patience;

/// How often it is looked for a connection that makes room, while a stream waits for a place.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long such a connection has rested at least: a client may be in the middle of an answer.
const LEAST_REST: Duration = Duration::from_secs(5);
/// So many streams of a connection may be given up without an answer, beyond as many as had one: a
/// client that opens streams and resets them at once has the registry work for nothing
/// (CVE-2023-44487).
const MOST_GIVEN_UP: usize = 100;

/// The streams of all connections.
#[derive(Debug)]
pub(super) struct Streams {
    places: Arc<Semaphore>,
    connections: Arc<Connections>,
}

/// The streams of one connection.
#[derive(Debug)]
pub(super) struct StreamsOf {
    activity: Arc<Activity>,
    patience: Patience,
    open: Mutex<Vec<Weak<Stream>>>,
    answered: AtomicUsize,
    given_up: AtomicUsize,
}

/// A stream, as long as anything holds it.
#[derive(Debug)]
pub(super) struct Stream {
    of: Arc<StreamsOf>,
    is_answered: AtomicBool,
    taken: Mutex<Taken>,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

/// The body of an answer, which is waited for only as long as the client takes enough of it.
struct Sent {
    body: Body,
    stream: Arc<Stream>,
}

/// Bytes of an answer until they have left for the socket.
struct Leaving {
    bytes: Bytes,
    _stream: Arc<Stream>,
}

impl Streams {
    pub(super) fn new(most: usize, connections: Arc<Connections>) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(most)),
            connections,
        })
    }

    /// Waits for a place. Where there is none, the connection that has rested longest is ended.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            let place = Arc::clone(&self.places).acquire_owned();
            match tokio::time::timeout(LOOK_AGAIN, place).await {
                Ok(place) => return place.ok(),
                Err(_) => self.connections.end_resting(LEAST_REST),
            }
        }
    }
}

impl StreamsOf {
    pub(super) fn new(activity: Arc<Activity>, patience: Patience) -> Arc<Self> {
        Arc::new(Self {
            activity,
            patience,
            open: Mutex::default(),
            answered: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
        })
    }

    /// Begins a stream.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            of: Arc::clone(self),
            is_answered: AtomicBool::new(false),
            taken: Mutex::new(Taken::new(self.patience)),
            place: Mutex::default(),
        });
        self.with_open(|open| open.push(Arc::downgrade(&stream)));
        stream
    }

    /// Tells whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.with_open(|open| open.is_empty())
    }

    /// Tells whether the client takes too little of an answer.
    pub(super) fn is_stuck(&self) -> bool {
        // Whichever of them ends here ends without the lock.
        let open: Vec<_> = self.with_open(|open| open.iter().filter_map(Weak::upgrade).collect());
        let mut open = open.iter();
        open.any(|stream| stream.with_taken(|taken| taken.is_too_little()))
    }

    fn ended(&self, is_answered: bool) {
        self.with_open(|open| open.retain(|stream| stream.strong_count() > 0));
        self.activity.note();
        if is_answered {
            self.answered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let given_up = self.given_up.fetch_add(1, Ordering::Relaxed);
        if given_up > MOST_GIVEN_UP + self.answered.load(Ordering::Relaxed) {
            tracing::warn!("a client that gives up its requests is not answered any more");
            self.activity.end();
        }
    }

    fn with_open<T>(&self, run: impl FnOnce(&mut Vec<Weak<Stream>>) -> T) -> T {
        run(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream {
    /// Gives the stream its place.
    pub(super) fn take(&self, place: OwnedSemaphorePermit) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    /// Gives the place to others.
    pub(super) fn leave(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        drop(place.take());
    }

    /// Makes the body of its answer.
    pub(super) fn send(self: Arc<Self>, body: Body) -> Body {
        // Another body counts when it is asked for, which it is not once the client has gone.
        let is_answered = body.is_end_stream();
        self.is_answered.store(is_answered, Ordering::Relaxed);
        Body::new(Sent { body, stream: self })
    }

    fn with_taken<T>(&self, run: impl FnOnce(&mut Taken) -> T) -> T {
        run(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.of.ended(*self.is_answered.get_mut());
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.stream.is_answered.store(true, Ordering::Relaxed);
        // Whoever asks for more has taken what came before.
        self.stream.with_taken(Taken::go_on);
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let stream = &self.stream;
        let frame = frame.map_err(BoxError::from)?.map_data(|bytes| {
            stream.of.activity.note();
            stream.with_taken(|taken| {
                taken.add(bytes.len());
                taken.wait();
            });
            Bytes::from_owner(Leaving {
                bytes,
                _stream: Arc::clone(stream),
            })
        });
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
