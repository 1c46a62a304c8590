//! One upload: where it lies, how far it has come, and the stream that carries it.
//!
//! The border between bytes and network: a blocking thread reads, an async task sends.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Descriptor;
use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION, RANGE};
use reqwest::{Body, Method, RequestBuilder, Response};
use tokio::sync::mpsc;
use url::Url;

use crate::client::Client;
use crate::error::ClientError;
use crate::patience::Patience;

/// Bytes in a piece of the body.
const PIECE: usize = 256 * 1024;
/// How long an upload may stand still: the registry may be writing the whole blob to disk.
const PATIENCE: Duration = Patience::Full.idle().saturating_mul(2);

pub(super) struct Upload<'a> {
    client: &'a Client,
    project: &'a ProjectName,
    descriptor: &'a Descriptor,
    /// Where an earlier attempt lies.
    location: Option<Url>,
}

impl<'a> Upload<'a> {
    pub(super) const fn new(
        client: &'a Client,
        project: &'a ProjectName,
        descriptor: &'a Descriptor,
    ) -> Self {
        Self {
            client,
            project,
            descriptor,
            location: None,
        }
    }

    /// Sends what the registry does not have yet.
    pub(super) async fn attempt(
        &mut self,
        open: &impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<(), ClientError> {
        if let Some(earlier) = self.location.take()
            && let Ok((location, offset)) = self.progress(&earlier).await
            && self.put(&location, offset, open).await.is_ok()
        {
            return Ok(());
        }
        let location = self.begin().await?;
        self.location = Some(location.clone());
        self.put(&location, 0, open).await
    }

    pub(super) async fn begin(&self) -> Result<Url, ClientError> {
        let parts = ["blobs", "uploads", ""];
        let url = self.client.at_repository(self.project, &parts);
        let request = self.client.request(Method::POST, &url);
        let response = self.client.send(request.header(CONTENT_LENGTH, 0)).await?;
        location(&response)
    }

    /// Asks how far an upload has come.
    async fn progress(&self, earlier: &Url) -> Result<(Url, u64), ClientError> {
        let request = self.client.request(Method::GET, earlier);
        let response = self.client.send(request).await?;
        let received = received(response.headers()).filter(|n| *n < self.descriptor.size);
        let next = location(&response).unwrap_or_else(|_| earlier.clone());
        Ok((next, received.unwrap_or(0)))
    }

    /// Sends the bytes from `offset` on and closes the upload.
    async fn put(
        &self,
        location: &Url,
        offset: u64,
        open: &impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<(), ClientError> {
        let size = self.descriptor.size;
        let reader = open().map_err(|source| unreadable(location, source))?;
        let mut url = location.clone();
        url.query_pairs_mut()
            .append_pair("digest", &self.descriptor.digest.to_string());
        let mut request = self
            .client
            .request(Method::PUT, &url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size - offset);
        if offset > 0 {
            request = request.header(CONTENT_RANGE, format!("{offset}-{}", size - 1));
        }
        send(self.client, request, location, reader, offset..size).await
    }
}

/// Sends bytes of a reader as the body of a request, for as long as they move.
pub(super) async fn send(
    client: &Client,
    request: RequestBuilder,
    location: &Url,
    reader: Box<dyn Read + Send>,
    range: Range<u64>,
) -> Result<(), ClientError> {
    let moved = Arc::new(AtomicU64::new(0));
    let (body, mut failure) = stream(reader, range, Arc::clone(&moved));
    let sent = client.send_body(request.body(Body::wrap_stream(body)));
    let answered = tokio::select! {
        answered = sent => answered,
        () = standstill(&moved) => Err(ClientError::Stalled {
            url: location.to_string(),
            idle: PATIENCE,
        }),
    };
    // When the source fails, the connection breaks: the source is the reason.
    match failure.try_recv() {
        Ok(source) => Err(unreadable(location, source)),
        Err(_) => answered.map(drop),
    }
}

/// The content to push could not be read.
pub(super) fn unreadable(location: &Url, source: io::Error) -> ClientError {
    ClientError::Content {
        url: location.to_string(),
        source,
    }
}

/// Ends when nothing has moved for [`PATIENCE`].
async fn standstill(moved: &AtomicU64) {
    let mut seen = None;
    loop {
        let now = moved.load(Ordering::Relaxed);
        if seen.replace(now) == Some(now) {
            return;
        }
        tokio::time::sleep(PATIENCE).await;
    }
}

type Piece = io::Result<Bytes>;

/// Turns a reader into a stream of exactly the bytes in `range`. The second value tells why the
/// reader failed, if it did.
fn stream(
    reader: Box<dyn Read + Send>,
    range: Range<u64>,
    moved: Arc<AtomicU64>,
) -> (
    impl Stream<Item = Piece> + Send + 'static,
    mpsc::Receiver<io::Error>,
) {
    let (pieces, taken) = mpsc::channel::<Piece>(4);
    let (failed, failure) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read_pieces(reader, range, &pieces) {
            let copy = io::Error::new(error.kind(), error.to_string());
            let _ = failed.blocking_send(error);
            let _ = pieces.blocking_send(Err(copy));
        }
    });
    let body = futures_util::stream::unfold((taken, moved), |(mut taken, moved)| async move {
        let piece = taken.recv().await?;
        let length = piece.as_ref().map_or(0, Bytes::len) as u64;
        moved.fetch_add(length, Ordering::Relaxed);
        Some((piece, (taken, moved)))
    });
    (body, failure)
}

/// Reads `range` in pieces until the other side has gone away.
fn read_pieces(
    mut reader: Box<dyn Read + Send>,
    range: Range<u64>,
    pieces: &mpsc::Sender<Piece>,
) -> io::Result<()> {
    io::copy(&mut (&mut reader).take(range.start), &mut io::sink())?;
    let mut rest = range.end - range.start;
    while rest > 0 {
        let length = usize::try_from(rest).map_or(PIECE, |rest| rest.min(PIECE));
        let mut piece = vec![0; length];
        reader.read_exact(&mut piece)?;
        rest -= length as u64;
        if pieces.blocking_send(Ok(piece.into())).is_err() {
            break;
        }
    }
    Ok(())
}

/// Returns where an upload goes on. The address is the registry's to choose.
fn location(response: &Response) -> Result<Url, ClientError> {
    let location = response.headers().get(LOCATION);
    location
        .and_then(|value| value.to_str().ok())
        .and_then(|text| response.url().join(text).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| ClientError::Malformed {
            url: response.url().to_string(),
            expected: "the beginning of an upload",
            source: None,
        })
}

/// Returns how many bytes an upload has, from `Range: 0-<last>`.
fn received(headers: &HeaderMap) -> Option<u64> {
    let (first, last) = headers.get(RANGE)?.to_str().ok()?.split_once('-')?;
    let last: u64 = last.parse().ok()?;
    // `0-0` stands for no bytes as well as for one.
    (first == "0" && last > 0).then_some(last + 1)
}
