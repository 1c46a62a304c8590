//! A stream of server-sent events (WHATWG HTML, "Server-sent events") from someone who is not
//! trusted: a line has a few kilobytes, what says nothing has a budget, and nothing is kept.

#[cfg(feature = "testing")]
pub(crate) mod fuzz;

use std::pin::pin;
use std::time::Duration;

use bulla_schemas::log::LogPosition;
use futures_util::FutureExt as _;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, timeout};

use crate::error::ClientError;

/// Most bytes of a line.
const MOST_LINE: usize = 4096;
/// Most bytes in a minute that say nothing new.
const MOST_IDLE: usize = 64 * 1024;
/// How long nothing may come: registries say every 20 seconds that they are there.
const SILENCE: Duration = Duration::from_secs(70);
/// How many pieces that are here already are read before the news is told.
const MOST_PIECES: usize = 16;

/// A stream that has begun.
#[derive(Debug)]
pub(super) struct Events {
    response: Response,
    begun: Instant,
    reader: Reader,
}

/// Why a stream is of no more use.
pub(super) enum Broken {
    /// It ended, or nothing came.
    Ended,
    /// It sends what no registry sends.
    Hostile,
}

impl Events {
    /// Waits until something has come: where an answer is held back until it is complete, nothing
    /// does.
    pub(super) async fn begin(mut response: Response) -> Result<Self, ClientError> {
        let url = response.url().to_string();
        let malformed = || ClientError::Malformed {
            url: url.clone(),
            expected: "a stream of events",
            source: None,
        };
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(malformed());
        }
        let mut reader = Reader::new();
        match response.chunk().await {
            Ok(Some(piece)) => reader.take(&piece).map_err(|Hostile| malformed())?,
            _ => return Err(malformed()),
        }
        Ok(Self {
            response,
            begun: Instant::now(),
            reader,
        })
    }

    /// Returns for how long the stream has gone on.
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits for a size beyond `size`, and returns the largest that is known.
    pub(super) async fn beyond(&mut self, size: u64) -> Result<u64, Broken> {
        while self.reader.largest <= size {
            match timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(Some(piece))) => self
                    .reader
                    .take(&piece)
                    .map_err(|Hostile| Broken::Hostile)?,
                Ok(Ok(None) | Err(_)) | Err(_) => return Err(Broken::Ended),
            }
        }
        for _ in 0..MOST_PIECES {
            let Some(Ok(Some(piece))) = pin!(self.response.chunk()).now_or_never() else {
                break;
            };
            if self.reader.take(&piece).is_err() {
                break;
            }
        }
        self.reader.idle = 0;
        Ok(self.reader.largest)
    }
}

/// What no registry sends.
#[derive(Debug, PartialEq)]
struct Hostile;

/// Reads events, and remembers the largest size that they said.
#[derive(Debug)]
struct Reader {
    line: Vec<u8>,
    largest: u64,
    /// Bytes since `minute`, or since the last news.
    idle: usize,
    minute: Instant,
}

impl Reader {
    fn new() -> Self {
        Self {
            line: Vec::new(),
            largest: 0,
            idle: 0,
            minute: Instant::now(),
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), Hostile> {
        if self.minute.elapsed() >= Duration::from_mins(1) {
            (self.idle, self.minute) = (0, Instant::now());
        }
        self.idle = self.idle.saturating_add(piece.len());
        for part in piece.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, is_whole) = match part.split_last() {
                Some((b'\n' | b'\r', text)) => (text, true),
                _ => (part, false),
            };
            if self.line.len() + text.len() > MOST_LINE {
                return Err(Hostile);
            }
            self.line.extend_from_slice(text);
            if is_whole {
                self.end_line();
            }
        }
        if self.idle > MOST_IDLE {
            return Err(Hostile);
        }
        Ok(())
    }

    /// A registry says everything in one line of data; the names and ids of events add nothing.
    fn end_line(&mut self) {
        if let Some(data) = self.line.strip_prefix(b"data:")
            && let Ok(position) = serde_json::from_slice::<LogPosition>(data)
        {
            self.largest = self.largest.max(position.size);
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(size: u64) -> String {
        format!(
            "event: checkpoint\nid: {size}\ndata: {{\"size\":{size},\"root\":\"{}\"}}\n\n",
            "0".repeat(64)
        )
    }

    #[test]
    fn reads_events_however_they_are_cut_and_whichever_way_lines_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!(": watching\n\n{}:\n\n{}", data(3), data(7));
            let text = text.replace('\n', end);
            for size in 1..text.len() {
                let mut reader = Reader::new();
                for piece in text.as_bytes().chunks(size) {
                    reader.take(piece).unwrap();
                }
                assert_eq!(reader.largest, 7, "{size}");
            }
        }
    }

    #[test]
    fn what_is_no_event_says_nothing_and_sizes_never_go_back() {
        let mut reader = Reader::new();
        reader.take(data(9).as_bytes()).unwrap();
        for text in [
            "data: {\"size\":99}\n\n",
            "data: 99\n\n",
            "data: \u{fffd}\n\n",
            "id: 99\n\n",
            ": data: {\"size\":99}\n",
            &data(4),
        ] {
            reader.take(text.as_bytes()).unwrap();
            assert_eq!(reader.largest, 9, "{text}");
        }
    }

    #[test]
    fn a_line_without_end_costs_a_few_kilobytes() {
        let mut reader = Reader::new();
        let mut taken = 0;
        while reader.take(&[b'x'; 1000]).is_ok() {
            taken += 1000;
        }
        assert!(taken <= MOST_LINE && reader.line.capacity() <= 2 * MOST_LINE);
    }

    #[test]
    fn a_flood_of_comments_ends_and_heartbeats_do_not() {
        let mut reader = Reader::new();
        for _ in 0..1000 {
            reader.take(b": still here\n\n").unwrap();
        }
        let flood = b":\n\n".repeat(10_000);
        assert!((0..10).any(|_| reader.take(&flood).is_err()));
    }
}
