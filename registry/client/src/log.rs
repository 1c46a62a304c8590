//! The log as it is served: checkpoint, entries, and the one way to append. Nothing here is
//! verified; [`LogFollower`](crate::LogFollower) verifies and remembers.

use std::ops::Range;

use bulla_schemas::api::{
    Appended, CallerInfo, CosignatureReceipt, Cosignatures, ErrorCode, LogInfo,
};
use bulla_schemas::{Digest, Timestamp};
use bulla_trust::TiledTree;
use bulla_trust::tile::{self, TilePath};
use futures_util::future::join_all;
use futures_util::stream::{self, Stream, StreamExt as _};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, DATE};
use url::Url;

use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

/// Most bytes of a checkpoint.
const CHECKPOINT_LIMIT: u64 = 64 * 1024;
/// Most bytes of a list of checkpoints.
const COSIGNATURES_LIMIT: u64 = 4 * 1024 * 1024;
/// Most bytes of a JSON answer about the log.
const JSON_LIMIT: u64 = 64 * 1024;
/// How many entry bundles are fetched side by side.
const PARALLEL: usize = 4;
/// Most bytes of an entry bundle that is fetched beside others; 256 statements of the usual size
/// have half as much.
const SMALL_BUNDLE: u64 = 1024 * 1024;

/// An entry bundle as it arrived.
#[derive(Debug)]
pub(crate) struct EntryBundle {
    url: String,
    tile: TilePath,
    /// Which of its entries were asked for.
    wanted: Range<usize>,
    bytes: Vec<u8>,
}

impl EntryBundle {
    /// Returns which bundle it is; wider than the one that was asked for where the log has grown.
    pub(crate) const fn tile(&self) -> TilePath {
        self.tile
    }

    /// Returns all of its entries.
    pub(crate) fn entries(&self) -> Result<Vec<&[u8]>, ClientError> {
        let entries = tile::split_entries(&self.bytes, self.tile.width);
        entries.map_err(|source| ClientError::Malformed {
            url: self.url.clone(),
            expected: "an entry bundle of the log",
            source: Some(Box::new(source)),
        })
    }

    /// Returns those of them that were asked for.
    pub(crate) fn wanted<'a>(&self, entries: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
        let wanted = entries.get(self.wanted.clone()).unwrap_or_default();
        wanted.iter().copied()
    }
}

/// How a registry sees whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// What they may do.
    pub caller: CallerInfo,
    /// The registry's clock, as its `Date` header says.
    pub date: Option<Timestamp>,
}

impl Client {
    /// Fetches what the registry says about its log. Helps to make the first policy.
    pub async fn log_info(&self) -> Result<LogInfo, ClientError> {
        let url = self.at(["api", "v1", "log"]);
        retry::repeat(self, || async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            self.read_json(response, JSON_LIMIT, "what a registry says about its log")
                .await
        })
        .await
    }

    /// Asks what the token allows, and what time it is there. Tried once: this is how one finds out
    /// what is wrong.
    pub async fn caller(&self) -> Result<Greeting, ClientError> {
        let url = self.at(["api", "v1", "caller"]);
        let response = self.send(self.request(Method::GET, &url)).await?;
        let date = response.headers().get(DATE);
        let date = date.and_then(|date| parse_date(date.to_str().ok()?));
        let caller = self
            .read_json(response, JSON_LIMIT, "what a token allows")
            .await?;
        Ok(Greeting { caller, date })
    }

    /// Returns the registry's answer that its log has no policy yet, if that is what it says.
    /// Tried once: it only explains what is missing.
    pub async fn lacks_policy(&self) -> Option<ClientError> {
        let url = self.at(["log", "checkpoint"]);
        let refused = self.send(self.request(Method::GET, &url)).await.err()?;
        (refused.code() == Some(ErrorCode::NoPolicy)).then_some(refused)
    }

    /// Fetches the checkpoint that servers go by: a signed note.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, ClientError> {
        let url = self.at(["log", "checkpoint"]);
        retry::repeat(self, || async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            self.read(response, CHECKPOINT_LIMIT).await
        })
        .await
        .map_err(|error| self.no_registry(error))
    }

    /// Fetches the log's checkpoints, the newest too, which witnesses may not have cosigned yet. Where
    /// only files are served, or an older registry serves, the one checkpoint is all of them.
    pub async fn cosignatures(&self) -> Result<Cosignatures, ClientError> {
        let url = self.at(["log", "cosignatures"]);
        let found = retry::repeat(self, || async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            self.read_json(response, COSIGNATURES_LIMIT, "the checkpoints of a log")
                .await
        })
        .await;
        match found {
            Err(error) if error.is_not_found() && error.code() != Some(ErrorCode::NoPolicy) => {
                let note = self.checkpoint().await?;
                let note = String::from_utf8_lossy(&note).into_owned();
                Ok(Cosignatures {
                    witnessed: note.clone(),
                    waiting: Vec::new(),
                    newest: note,
                })
            }
            found => found,
        }
    }

    /// Hands in a checkpoint with a cosignature.
    pub async fn cosign(&self, note: &[u8]) -> Result<CosignatureReceipt, ClientError> {
        let url = self.at(["log", "cosignatures"]);
        retry::repeat(self, || async {
            let request = self.request(Method::POST, &url);
            let request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8");
            let response = self.send(request.body(note.to_vec())).await?;
            self.read_json(response, JSON_LIMIT, "what became of a cosignature")
                .await
        })
        .await
    }

    /// Says what it means that not even a checkpoint is found.
    fn no_registry(&self, error: ClientError) -> ClientError {
        match error {
            ClientError::Answer(source)
                if source.status == 404 && source.code != Some(ErrorCode::NoPolicy) =>
            {
                let url = self.url();
                let origin = (url.path() != "/").then(|| url.origin().ascii_serialization());
                ClientError::NoRegistry {
                    url: url.to_string(),
                    origin,
                    source,
                }
            }
            error => error,
        }
    }

    /// Fetches entries of a log of so many, the size that a checkpoint names, bundle by bundle.
    /// However many and however large they are, little of them is in memory at once: some
    /// small bundles side by side, and large ones alone.
    pub(crate) fn entry_bundles(
        &self,
        entries: Range<u64>,
        log_size: u64,
    ) -> impl Stream<Item = Result<EntryBundle, ClientError>> {
        let Range { start: from, end } = entries;
        stream::iter(TilePath::entries(from, end, log_size))
            .chunks(PARALLEL)
            .then(move |paths| {
                // All of them end before a large one begins: no connection is left waiting.
                join_all(paths.into_iter().map(move |path| async move {
                    let bytes = self.tile_of(path, SMALL_BUNDLE).await;
                    (path, bytes)
                }))
            })
            .flat_map(stream::iter)
            .then(move |(path, bytes)| async move {
                let (held, bytes) = match bytes {
                    Err(ClientError::TooLarge { .. }) => {
                        self.tile_of(path, tile::MAX_BUNDLE_SIZE as u64).await
                    }
                    bytes => bytes,
                }?;
                let within = |entry: u64| {
                    let skipped = entry.saturating_sub(path.start());
                    usize::try_from(skipped).map_or(path.width.into(), |n| n.min(path.width.into()))
                };
                let bundle = EntryBundle {
                    url: self.tile_url(held).to_string(),
                    tile: held,
                    wanted: within(from)..within(end),
                    bytes,
                };
                Ok(bundle)
            })
    }

    /// Fetches the hashes that the tree had when it had `size` leaves, from a log of `log_size`
    /// entries: a few kilobytes for each 65,536 of them.
    pub(crate) async fn tiled_tree(
        &self,
        size: u64,
        log_size: u64,
    ) -> Result<TiledTree, ClientError> {
        let (full, rest) = (size / u64::from(tile::FULL), size % u64::from(tile::FULL));
        let tiles = self.hashes(1, 0..full, log_size).await?;
        let leaves = self.hashes(0, size - rest..size, log_size).await?;
        Ok(TiledTree::new(tiles, leaves).unwrap_or_default())
    }

    /// Fetches the hashes of the first `size` entries of a log of `log_size` entries. Nothing of them is
    /// verified.
    pub async fn leaf_hashes(&self, size: u64, log_size: u64) -> Result<Vec<Digest>, ClientError> {
        self.hashes(0, 0..size, log_size).await
    }

    /// Fetches hashes of a level, from the beginning of a tile on.
    async fn hashes(
        &self,
        level: u8,
        wanted: Range<u64>,
        log_size: u64,
    ) -> Result<Vec<Digest>, ClientError> {
        let mut hashes = Vec::new();
        let paths = TilePath::hashes(level, wanted.start, log_size);
        for path in paths.take_while(|path| path.start() < wanted.end) {
            let limit = u64::from(tile::FULL) * Digest::LEN as u64;
            let (held, bytes) = self.tile_of(path, limit).await?;
            let found = tile::decode_hashes(&bytes, held.width);
            let found = found.ok_or_else(|| ClientError::Malformed {
                url: self.tile_url(held).to_string(),
                expected: "a tile of hashes of the log",
                source: None,
            })?;
            let left = wanted.end - path.start();
            hashes.extend(
                found
                    .into_iter()
                    .take(usize::try_from(left).unwrap_or(usize::MAX)),
            );
        }
        Ok(hashes)
    }

    /// Fetches one of the log's files, and tells in which form. A partial one that a later one has
    /// replaced is read from the full one, as tlog-tiles asks of clients.
    async fn tile_of(
        &self,
        path: TilePath,
        limit: u64,
    ) -> Result<(TilePath, Vec<u8>), ClientError> {
        match self.tile_file(path, limit).await {
            Err(error) if error.is_not_found() && !path.is_full() => {
                let bytes = self.tile_file(path.full(), limit).await?;
                Ok((path.full(), bytes))
            }
            bytes => Ok((path, bytes?)),
        }
    }

    async fn tile_file(&self, path: TilePath, limit: u64) -> Result<Vec<u8>, ClientError> {
        let url = self.tile_url(path);
        retry::repeat(self, || async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            self.read(response, limit).await
        })
        .await
    }

    fn tile_url(&self, path: TilePath) -> Url {
        let text = path.to_string();
        self.at(["log"].into_iter().chain(text.split('/')))
    }

    /// Appends an envelope. Answers when a published checkpoint covers it.
    ///
    /// After a temporary error the envelope may be in the log all the same: look before it is
    /// sent again.
    pub async fn append(&self, envelope: &[u8]) -> Result<Appended, ClientError> {
        self.append_at(&self.at(["log", "entries"]), envelope).await
    }

    /// Appends an entry that the log had before the registry lost it, also where the registry lacks the
    /// bundle that it is about. Takes a token with all rights.
    pub async fn append_lost(&self, envelope: &[u8]) -> Result<Appended, ClientError> {
        let mut url = self.at(["log", "entries"]);
        url.query_pairs_mut().append_pair("content", "later");
        self.append_at(&url, envelope).await
    }

    async fn append_at(&self, url: &Url, envelope: &[u8]) -> Result<Appended, ClientError> {
        retry::repeat_unsent(self, || async {
            let request = self.request(Method::POST, url);
            let request = request.header(CONTENT_TYPE, "application/json");
            let response = self.send(request.body(envelope.to_vec())).await?;
            self.read_json(response, JSON_LIMIT, "the place of an appended entry")
                .await
        })
        .await
    }
}

/// Reads the date of an HTTP header (RFC 9110, section 5.6.7: an RFC 2822 date in GMT).
fn parse_date(text: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Timestamp::from_seconds(date.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_date_that_servers_send() {
        let date = parse_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.as_seconds(), 784_111_777);
        assert_eq!(parse_date("yesterday"), None);
    }
}
