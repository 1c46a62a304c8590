//! `BlobStream`: the bytes of a blob, or of a part of it, over as many connections as it takes.
//!
//! Exactly the announced bytes come out. A registry that sends more is cut off at the announced
//! size; one that sends less is asked for the rest.

use std::ops::Range;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff};
use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::client::Client;
use crate::error::ClientError;
use crate::patience::Patience;
use crate::retry;

/// Bytes after which a connection counts as having worked: attempts and patience begin again.
const PROGRESS: u64 = 1024 * 1024;

/// A blob, or a part of it, on its way. Ends after exactly the bytes that were asked for.
#[derive(Debug)]
pub struct BlobStream {
    client: Client,
    url: Url,
    /// The size of the whole blob.
    size: u64,
    /// What is still to come.
    rest: Range<u64>,
    /// The connection in use.
    body: Option<Body>,
    /// Waits before the next attempts.
    waits: ExponentialBackoff,
    /// Where the stream stood when the attempts began again.
    mark: u64,
    /// How long was waited since then; what the caller does between pieces does not count.
    waited: Duration,
}

/// The answer to a request for a part of a blob.
#[derive(Debug)]
pub enum Ranged {
    /// The part that was asked for.
    Part(BlobStream),
    /// The whole blob from its first byte: this registry, or something between, has no ranges.
    /// Use it instead of asking for further parts.
    Whole(BlobStream),
}

/// An answer's body, and how many of its bytes lie before what is wanted.
#[derive(Debug)]
struct Body {
    response: Response,
    skip: u64,
}

impl BlobStream {
    pub(crate) async fn open(
        client: &Client,
        url: Url,
        rest: Range<u64>,
        size: u64,
    ) -> Result<Self, ClientError> {
        let mut stream = Self::new(client, url, rest, size);
        if !stream.rest.is_empty() {
            stream.body = Some(stream.connect().await?);
        }
        Ok(stream)
    }

    pub(super) async fn open_ranged(
        client: &Client,
        url: Url,
        rest: Range<u64>,
        size: u64,
    ) -> Result<Ranged, ClientError> {
        let asked = rest.clone();
        let mut stream = Self::open(client, url, rest, size).await?;
        match &mut stream.body {
            Some(body) if body.response.status() == StatusCode::OK && asked != (0..size) => {
                body.skip = 0;
                stream.rest = 0..size;
                stream.mark = 0;
                Ok(Ranged::Whole(stream))
            }
            _ => Ok(Ranged::Part(stream)),
        }
    }

    fn new(client: &Client, url: Url, rest: Range<u64>, size: u64) -> Self {
        Self {
            client: client.clone(),
            url,
            size,
            mark: rest.start,
            rest,
            body: None,
            waits: retry::waits().build(),
            waited: Duration::ZERO,
        }
    }

    /// Returns the offset in the blob of the next byte.
    pub const fn position(&self) -> u64 {
        self.rest.start
    }

    /// Returns how many bytes are still to come.
    pub const fn remaining(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    /// Returns the next bytes, never none of them; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let limit = self.client.patience().whole();
        let (begun, left) = (Instant::now(), limit.saturating_sub(self.waited));
        let piece = tokio::time::timeout(left, self.next_after_attempts()).await;
        let piece = piece.map_err(|_| ClientError::Slow {
            url: self.url.to_string(),
            limit,
        })??;
        self.waited += begun.elapsed();
        if self.rest.start - self.mark >= PROGRESS {
            self.mark = self.rest.start;
            self.waits = retry::waits().build();
            self.waited = Duration::ZERO;
        }
        Ok(piece)
    }

    async fn next_after_attempts(&mut self) -> Result<Option<Bytes>, ClientError> {
        while !self.rest.is_empty() {
            match self.next_piece().await {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return Ok(Some(piece)),
                Err(error) => {
                    self.body = None;
                    self.wait_after(error).await?;
                }
            }
        }
        self.body = None;
        Ok(None)
    }

    /// Reads all that is still to come into memory.
    pub async fn read_to_end(mut self) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn next_piece(&mut self) -> Result<Bytes, ClientError> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.request().await?,
        };
        let piece = self.client.next_piece(&mut body.response);
        let Some(mut piece) = self.client.told_of_silence(piece).await? else {
            return Err(ClientError::Short {
                url: self.url.to_string(),
                expected: self.rest.end,
                found: self.rest.start,
            });
        };
        let skipped = body.skip.min(piece.len() as u64);
        body.skip -= skipped;
        let _ = piece.split_to(usize::try_from(skipped).unwrap_or(piece.len()));
        piece.truncate(usize::try_from(self.remaining()).unwrap_or(usize::MAX));
        self.rest.start += piece.len() as u64;
        self.body = Some(body);
        Ok(piece)
    }

    /// Connects, more than once if need be.
    async fn connect(&mut self) -> Result<Body, ClientError> {
        loop {
            match self.request().await {
                Ok(body) => return Ok(body),
                Err(error) => self.wait_after(error).await?,
            }
        }
    }

    /// Waits before the next attempt, or gives the error back when there is none.
    async fn wait_after(&mut self, error: ClientError) -> Result<(), ClientError> {
        let patience = self.client.patience();
        let is_given_up = patience == Patience::Short && error.is_silence();
        let may_repeat = error.is_temporary() && !is_given_up;
        let wait = self.waits.next().filter(|_| may_repeat);
        match retry::wait_as_asked(&error, wait, patience) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Asks for what is still to come.
    async fn request(&self) -> Result<Body, ClientError> {
        let rest = &self.rest;
        if *rest == (0..self.size) {
            return self.request_whole().await;
        }
        let header = format!("bytes={}-{}", rest.start, rest.end - 1);
        let request = self.client.request(Method::GET, &self.url);
        let request = request
            .header(RANGE, header)
            .header(ACCEPT_ENCODING, "identity");
        match self.client.send(request).await {
            Ok(response) if response.status() == StatusCode::PARTIAL_CONTENT => {
                self.check_range(&response)?;
                Ok(Body { response, skip: 0 })
            }
            Ok(response) => self.take_whole(response),
            // Registries and what stands before them refuse ranges in many ways; none of them is
            // a reason to fail.
            Err(error) if matches!(error.status(), Some(400 | 403 | 416 | 501)) => {
                self.request_whole().await
            }
            Err(error) => Err(error),
        }
    }

    async fn request_whole(&self) -> Result<Body, ClientError> {
        let request = self.client.request(Method::GET, &self.url);
        let request = request.header(ACCEPT_ENCODING, "identity");
        self.take_whole(self.client.send(request).await?)
    }

    /// Takes an answer with the whole blob.
    fn take_whole(&self, response: Response) -> Result<Body, ClientError> {
        let announced = response.headers().get(CONTENT_LENGTH).and_then(number);
        if response.status() != StatusCode::OK {
            return Err(ClientError::Malformed {
                url: self.url.to_string(),
                expected: "a blob",
                source: None,
            });
        }
        match announced {
            Some(found) if found != self.size => Err(ClientError::Size {
                url: self.url.to_string(),
                expected: self.size,
                found,
            }),
            _ => Ok(Body {
                response,
                skip: self.rest.start,
            }),
        }
    }

    /// Checks that a part is the part that was asked for.
    fn check_range(&self, response: &Response) -> Result<(), ClientError> {
        let part = format!("bytes {}-{}", self.rest.start, self.rest.end - 1);
        let (exact, unknown) = (format!("{part}/{}", self.size), format!("{part}/*"));
        let found = response.headers().get(CONTENT_RANGE);
        let found = found.and_then(|value| value.to_str().ok()).unwrap_or("");
        if found == exact || found == unknown {
            return Ok(());
        }
        Err(ClientError::Range {
            url: self.url.to_string(),
            expected: exact,
            found: found.chars().take(100).collect(),
        })
    }
}

fn number(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}
