//! The log as it is served: checkpoint, entries, and the one way to append. Nothing here is
//! verified; [`LogFollower`](crate::LogFollower) verifies and remembers.

use bulla_schemas::Timestamp;
use bulla_schemas::api::{Appended, CallerInfo, LogInfo};
use bulla_trust::tile::{self, TilePath};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, DATE};

use crate::answer;
use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

/// Most bytes of a checkpoint.
const CHECKPOINT_LIMIT: u64 = 64 * 1024;
/// Most bytes of a JSON answer about the log.
const JSON_LIMIT: u64 = 64 * 1024;
/// Most entries that are read at once; a log grows by some hundred a day.
const ENTRIES_LIMIT: u64 = 1_000_000;
/// How many entry bundles are fetched side by side.
const PARALLEL: usize = 4;

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
        retry::repeat(|| async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            answer::read_json(response, JSON_LIMIT, "what a registry says about its log").await
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
        let caller = answer::read_json(response, JSON_LIMIT, "what a token allows").await?;
        Ok(Greeting { caller, date })
    }

    /// Fetches the newest checkpoint: a signed note.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, ClientError> {
        let url = self.at(["log", "checkpoint"]);
        retry::repeat(|| async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            answer::read(response, CHECKPOINT_LIMIT).await
        })
        .await
    }

    /// Fetches the entries from `from` up to `to`, the size that a checkpoint names.
    pub async fn entries(&self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, ClientError> {
        let offered = to.saturating_sub(from);
        if offered > ENTRIES_LIMIT {
            let limit = ENTRIES_LIMIT;
            return Err(ClientError::TooManyEntries { offered, limit });
        }
        let bundles = TilePath::entries(from, to, to).map(|path| async move {
            let entries = self.entry_bundle(path).await?;
            let skip = usize::try_from(from.saturating_sub(path.start())).unwrap_or(usize::MAX);
            Ok(entries.into_iter().skip(skip))
        });
        let bundles = stream::iter(bundles).buffered(PARALLEL);
        bundles
            .try_fold(Vec::new(), |mut all, entries| async move {
                all.extend(entries);
                Ok(all)
            })
            .await
    }

    /// Fetches one entry bundle. A partial one that a later one has replaced is read from the
    /// full one, as tlog-tiles asks of clients.
    async fn entry_bundle(&self, path: TilePath) -> Result<Vec<Vec<u8>>, ClientError> {
        match self.entry_file(path).await {
            Err(error) if error.is_not_found() && !path.is_full() => {
                let mut entries = self.entry_file(path.full()).await?;
                entries.truncate(path.width.into());
                Ok(entries)
            }
            entries => entries,
        }
    }

    async fn entry_file(&self, path: TilePath) -> Result<Vec<Vec<u8>>, ClientError> {
        let text = path.to_string();
        let url = self.at(["log"].into_iter().chain(text.split('/')));
        let limit = tile::MAX_BUNDLE_SIZE as u64;
        let bytes = retry::repeat(|| async {
            let response = self.send(self.request(Method::GET, &url)).await?;
            answer::read(response, limit).await
        })
        .await?;
        tile::decode_entries(&bytes, path.width).map_err(|source| ClientError::Malformed {
            url: url.to_string(),
            expected: "an entry bundle of the log",
            source: Some(Box::new(source)),
        })
    }

    /// Appends an envelope. Answers when a published checkpoint covers it.
    ///
    /// After a temporary error the envelope may be in the log all the same: look before it is
    /// sent again.
    pub async fn append(&self, envelope: &[u8]) -> Result<Appended, ClientError> {
        let url = self.at(["log", "entries"]);
        retry::repeat_unsent(|| async {
            let request = self.request(Method::POST, &url);
            let request = request.header(CONTENT_TYPE, "application/json");
            let response = self.send(request.body(envelope.to_vec())).await?;
            answer::read_json(response, JSON_LIMIT, "the place of an appended entry").await
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
