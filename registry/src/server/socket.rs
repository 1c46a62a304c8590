//! A socket whose client may not keep it open by doing next to nothing: the first byte comes soon,
//! and what is sent is taken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::connections::Activity;
use super::heads::Heads;
use crate::settings::Patience;

/// A connection's socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// Runs until the first byte has come.
    first_byte: Option<Pin<Box<Sleep>>>,
    taken: Taken,
    heads: Heads,
}

/// What a client takes of what it is sent. Only the time counts in which the registry waits for it.
#[derive(Debug)]
struct Taken {
    patience: Duration,
    least: u64,
    /// Time and bytes since the client last took enough.
    waited: Duration,
    bytes: u64,
    /// Runs while the registry waits; since when it does.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        patience: Patience,
        activity: Arc<Activity>,
        heads: Heads,
    ) -> Self {
        Self {
            stream,
            activity,
            first_byte: Some(Box::pin(sleep(patience.first_byte))),
            taken: Taken {
                patience: patience.send,
                least: patience.least_taken,
                waited: Duration::ZERO,
                bytes: 0,
                waiting: None,
            },
            heads,
        }
    }

    /// Returns the bare stream.
    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }

    /// Tells whether the client has closed the connection. Else the task is woken when it does:
    /// nothing is read while an answer is sent, so that nothing else would notice.
    fn is_gone(&self, context: &mut Context<'_>) -> bool {
        let mut byte = [0];
        let peeked = self.stream.poll_peek(context, &mut ReadBuf::new(&mut byte));
        matches!(peeked, Poll::Ready(Ok(0) | Err(_)))
    }

    /// Passes on what writing said; fails when the client takes too little.
    fn paced(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                self.activity.note();
                self.taken.add(count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.taken.wait(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl Taken {
    /// Notes bytes that the client took.
    fn add(&mut self, count: usize) {
        self.bytes += count as u64;
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        if self.bytes >= self.least {
            (self.bytes, self.waited) = (0, Duration::ZERO);
        }
    }

    /// Waits until the client has taken too little for too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.patience.saturating_sub(self.waited);
        let (_, end) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        end.as_mut().poll(context)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.heads.read(&buffer.filled()[known..]);
            self.activity.note();
            self.first_byte = None;
        } else if let Some(first_byte) = &mut self.first_byte {
            ready!(first_byte.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.paced(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.paced(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.activity.is_watching() && self.is_gone(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
