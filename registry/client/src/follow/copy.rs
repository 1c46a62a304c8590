//! The log without its registry: the whole of it as a copy, made here and judged elsewhere.

use bulla_schemas::log::{Anchor, LogPosition};
use bulla_trust::checkpoint::Checkpoint;
use bulla_trust::{Acceptance, LogError, LogState, Pin, accept};
use url::Url;

use super::directory::LogDirectory;
use super::entries;
use super::error::FollowError;
use super::follower::{LogFollower, require};
use crate::client::Client;
use crate::error::ClientError;

/// A log that was carried here. Nothing of it is verified.
#[derive(Debug, Clone, Copy)]
pub struct CopiedLog<'a> {
    /// Where it was found, for people.
    pub found_in: &'a str,
    /// The signed checkpoint.
    pub checkpoint: &'a [u8],
    /// All entries that it covers, from the first.
    pub entries: &'a [Vec<u8>],
}

impl CopiedLog<'_> {
    /// Most bytes of the entries in a copy, which is made in memory.
    pub const MOST_BYTES: u64 = 256 * 1024 * 1024;
}

impl LogFollower {
    /// Fetches the whole log for a copy: a checkpoint and all entries that it covers, which pass
    /// through what was verified here.
    pub async fn fetch_copy(
        &self,
        client: &Client,
    ) -> Result<(Vec<u8>, Vec<Vec<u8>>), FollowError> {
        let checkpoint = client.checkpoint().await?;
        let refused = |error| FollowError::refused(client.url().as_str(), error);
        let (empty, anchor) = (LogState::default(), self.meeting(&checkpoint));
        let pin = anchor.as_ref().map_or(Pin::FirstUse, Pin::Anchor);
        let mut acceptance = Acceptance::begin(&empty, pin, &checkpoint).map_err(refused)?;
        let (mut copied, mut room) = (Vec::new(), CopiedLog::MOST_BYTES);
        let keep = |entry: &[u8]| {
            let left = room.checked_sub(entry.len() as u64);
            let limit = CopiedLog::MOST_BYTES;
            room = left.ok_or(ClientError::LogTooLarge { limit })?;
            copied.push(entry.to_vec());
            Ok(())
        };
        entries::feed(client, &mut acceptance, pin, keep).await?;
        acceptance.finish().map_err(refused)?;
        Ok((checkpoint, copied))
    }

    /// Returns the place that the remembered log and the one of a checkpoint have in common.
    fn meeting(&self, checkpoint: &[u8]) -> Option<Anchor> {
        let (checkpoint, _) = Checkpoint::parse(checkpoint).ok()?;
        let size = checkpoint.size.min(self.state.size());
        let root = self.state.root_at(size)?;
        Some(Anchor {
            origin: self.state.origin()?.to_owned(),
            position: LogPosition { size, root },
        })
    }

    /// Returns what a copy leads to: the remembered state, or one beyond it. A copy of another
    /// log or of another history is refused.
    pub fn judge_copy(&self, copy: CopiedLog<'_>) -> Result<LogState, FollowError> {
        judge(&self.state, copy)
    }

    /// Takes in a copy, where it goes beyond what is remembered.
    pub async fn take_in(&mut self, copy: CopiedLog<'_>) -> Result<&LogState, FollowError> {
        let _lock = self.directory.lock().await?;
        self.read_again()?;
        let state = match &self.lost {
            None => judge(&self.state, copy)?,
            Some(anchor) => accept_whole(anchor, copy)?,
        };
        self.remember(copy.checkpoint, state)?;
        Ok(&self.state)
    }

    /// Follows the log from the registry at `url` from now on. The copy must be a continuation of
    /// what is remembered, and contain the history that `anchor` commits to; else the old address
    /// stays.
    pub async fn move_to_copy(
        &mut self,
        url: &Url,
        anchor: &Anchor,
        copy: CopiedLog<'_>,
    ) -> Result<&LogState, FollowError> {
        let _lock = self.directory.lock().await?;
        self.read_again()?;
        let state = continue_with(&self.state, anchor, copy)?;
        self.remember_move(url, copy.checkpoint, state)?;
        Ok(&self.state)
    }

    /// Begins to follow the log of the registry at `url` from a copy that must contain the
    /// history that `anchor` commits to.
    pub async fn enroll_from_copy(
        directory: impl Into<LogDirectory>,
        url: Url,
        anchor: Anchor,
        copy: CopiedLog<'_>,
    ) -> Result<Self, FollowError> {
        let directory = directory.into();
        directory.create()?;
        let _lock = directory.lock().await?;
        directory.refuse_second()?;
        let (known, lost) = directory.remains();
        let state = continue_with(&known, &anchor, copy)?;
        require(lost.as_ref(), &state)?;
        Self::begin(directory, url, Some(anchor), copy.checkpoint, state)
    }
}

/// Goes on from a state with what a copy has beyond it, which must contain the anchor.
fn continue_with(
    known: &LogState,
    anchor: &Anchor,
    copy: CopiedLog<'_>,
) -> Result<LogState, FollowError> {
    let size = usize::try_from(known.size()).unwrap_or(usize::MAX);
    let new = copy.entries.get(size..).unwrap_or_default();
    accept(known, Pin::Anchor(anchor), copy.checkpoint, new)
        .map_err(|error| FollowError::refused(copy.found_in, error))
}

/// Replays a whole copy, which must contain the anchor.
fn accept_whole(anchor: &Anchor, copy: CopiedLog<'_>) -> Result<LogState, FollowError> {
    continue_with(&LogState::default(), anchor, copy)
}

/// Replays the whole copy, which must pass through the remembered state, or lie on the way to it.
fn judge(state: &LogState, copy: CopiedLog<'_>) -> Result<LogState, FollowError> {
    let refused = |error| FollowError::refused(copy.found_in, error);
    let (checkpoint, _) =
        Checkpoint::parse(copy.checkpoint).map_err(|error| refused(LogError::Checkpoint(error)))?;
    let size = checkpoint.size.min(state.size());
    let meeting = Anchor {
        origin: state.origin().unwrap_or_default().to_owned(),
        position: LogPosition {
            size,
            root: state.root_at(size).unwrap_or_else(|| state.root()),
        },
    };
    let copied = accept_whole(&meeting, copy)?;
    Ok(if copied.size() > state.size() {
        copied
    } else {
        state.clone()
    })
}
