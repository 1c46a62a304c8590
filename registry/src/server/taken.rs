//! What a client takes of what it is sent. Only the time counts in which the registry waits for it,
//! and a client that takes too little in too long is not waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::settings::Patience;

/// What a client has taken lately.
#[derive(Debug)]
pub(super) struct Taken {
    patience: Duration,
    least: u64,
    /// Time and bytes since the client last took enough.
    waited: Duration,
    bytes: u64,
    /// Since when the registry waits.
    waiting: Option<Instant>,
}

impl Taken {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience: patience.send,
            least: patience.least_taken,
            waited: Duration::ZERO,
            bytes: 0,
            waiting: None,
        }
    }

    /// Notes that the registry waits for the client, and returns until when it does.
    pub(super) fn wait(&mut self) -> Instant {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        since + self.patience.saturating_sub(self.waited)
    }

    /// Notes that the client is not waited for any more.
    pub(super) fn go_on(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// Notes bytes that the client took.
    pub(super) fn add(&mut self, count: usize) {
        self.go_on();
        self.bytes += count as u64;
        if self.bytes >= self.least {
            (self.bytes, self.waited) = (0, Duration::ZERO);
        }
    }

    /// Tells whether the client took too little.
    pub(super) fn is_too_little(&self) -> bool {
        let waiting = self.waiting.map_or(Duration::ZERO, |since| since.elapsed());
        self.waiting.is_some() && self.waited + waiting >= self.patience
    }
}
