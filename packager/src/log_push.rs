//! A copy of the log sent to a registry that has less of it: entry by entry, through the same door as
//! everything that is appended. The registry judges each again and signs for them itself.

use std::path::{Path, PathBuf};

use bulla_files::FileError;
use bulla_registry_client::{Client, ClientError, CopiedLog};
use bulla_schemas::Digest;
use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::checkpoint::CheckpointError;
use bulla_trust::tile::{MAX_BUNDLE_SIZE, TileError, TilePath, decode_entries};
use bulla_trust::{Checkpoint, LogState, ReplayError, replay};

/// Why a registry does not get what it lacks of a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogPushError {
    /// The folder is no copy of a log.
    #[error("`{}` is no copy of a log: it has no checkpoint", .directory.display())]
    NoCopy {
        /// The folder.
        directory: PathBuf,
    },
    /// The checkpoint of the copy cannot be read.
    #[error("the checkpoint of `{}` cannot be read", .directory.display())]
    Checkpoint {
        /// The folder.
        directory: PathBuf,
        /// The reason.
        #[source]
        source: CheckpointError,
    },
    /// Entries are missing.
    #[error("the copy lacks `{tile}`")]
    Missing {
        /// The file.
        tile: TilePath,
    },
    /// Entries are damaged.
    #[error("`{tile}` of the copy is damaged")]
    Damaged {
        /// The file.
        tile: TilePath,
        /// The reason.
        #[source]
        source: TileError,
    },
    /// The entries are not those that the checkpoint covers.
    #[error("the checkpoint of the copy covers root {expected}, its entries lead to {found}")]
    Root {
        /// The root in the checkpoint.
        expected: Digest,
        /// The root of the entries.
        found: Digest,
    },
    /// More than fits into memory.
    #[error("the copy has more than {limit} bytes of entries")]
    TooLarge {
        /// How many may be sent.
        limit: u64,
    },
    /// The entries cannot be judged.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Nothing tells whether the copy is of the log that is meant.
    #[error("this machine does not know the log, so nothing tells whether the copy is of it")]
    Unknown,
    /// The copy is of another log or history.
    #[error("the copy does not pass through {known}")]
    OtherLog {
        /// What is known of the log.
        known: Anchor,
    },
    /// The registry has another history.
    #[error("the registry has {size} entries that are not the first ones of the copy")]
    OtherHistory {
        /// How many it has.
        size: u64,
    },
    /// The registry has more.
    #[error("the registry has {there} entries, and the copy {here}")]
    Ahead {
        /// Entries of the copy.
        here: u64,
        /// Entries of the registry.
        there: u64,
    },
    /// An entry was not taken, or the answer is lost.
    #[error("entry {entry} of the log was not taken")]
    Entry {
        /// The entry.
        entry: u64,
        /// What it says.
        #[source]
        source: ClientError,
    },
    /// Something else was appended in its place.
    #[error("entry {entry} of the log is entry {found} of the registry's")]
    Elsewhere {
        /// The entry.
        entry: u64,
        /// Where the registry has it.
        found: u64,
    },
    /// The registry does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Outcome for LogPushError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoCopy { .. } | Self::Unknown => FailureKind::Usage,
            Self::Entry { source, .. } => source.kind(),
            Self::Client(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Replay(error) => error.kind(),
            Self::Checkpoint { .. }
            | Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::TooLarge { .. }
            | Self::Ahead { .. } => FailureKind::Failed,
            Self::Root { .. }
            | Self::OtherLog { .. }
            | Self::OtherHistory { .. }
            | Self::Elsewhere { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCopy { .. } => Some("`bulla log fetch` makes one".to_owned()),
            Self::Unknown => Some(
                "give --anchor with the output of `bulla anchor`, as servers are enrolled with".to_owned(),
            ),
            Self::Entry { source, .. } => source.hint().or_else(|| {
                Some(
                    "what is there already stays: run the same command again; `bulla-registry import-log` \
                     takes a whole copy on the registry's machine"
                        .to_owned(),
                )
            }),
            Self::OtherHistory { .. } | Self::Elsewhere { .. } => Some(
                "something else was appended to the registry: servers that know the log refuse that for \
                 ever, so empty its data directory and begin again, with nobody else who appends"
                    .to_owned(),
            ),
            Self::TooLarge { .. } => Some(
                "`bulla-registry import-log` takes it on the registry's machine".to_owned(),
            ),
            Self::Ahead { .. } => Some("take the copy that has come furthest".to_owned()),
            Self::Client(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Replay(error) => error.hint(),
            Self::Checkpoint { .. }
            | Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::Root { .. }
            | Self::OtherLog { .. } => Some("take another copy".to_owned()),
        }
    }
}

/// A copy of the log, whose entries lead to its checkpoint.
#[derive(Debug)]
pub struct LogCopyFiles {
    entries: Vec<Vec<u8>>,
    state: LogState,
}

impl LogCopyFiles {
    /// Reads a folder of `bulla log fetch`, a mirror or a backup, and replays it.
    pub fn read(directory: &Path) -> Result<Self, LogPushError> {
        let note = bulla_files::read_up_to(
            &directory.join("checkpoint"),
            bulla_trust::note::MAX_SIZE as u64,
        )?;
        let note = note.ok_or_else(|| LogPushError::NoCopy {
            directory: directory.to_owned(),
        })?;
        let parsed = Checkpoint::parse(&note).map_err(|source| LogPushError::Checkpoint {
            directory: directory.to_owned(),
            source,
        });
        let (covered, _) = parsed?;
        let (mut entries, mut room) = (Vec::new(), CopiedLog::MOST_BYTES);
        for tile in TilePath::entries(0, covered.size, covered.size) {
            let path = directory.join(tile.to_string());
            let bundle = bulla_files::read_up_to(&path, MAX_BUNDLE_SIZE as u64)?;
            let bundle = bundle.ok_or(LogPushError::Missing { tile })?;
            let left = room.checked_sub(bundle.len() as u64);
            let limit = CopiedLog::MOST_BYTES;
            room = left.ok_or(LogPushError::TooLarge { limit })?;
            let decoded = decode_entries(&bundle, tile.width);
            entries.extend(decoded.map_err(|source| LogPushError::Damaged { tile, source })?);
        }
        let (state, _) = replay(LogState::default(), entries.iter().map(Vec::as_slice))?;
        if state.root() != covered.root {
            return Err(LogPushError::Root {
                expected: covered.root,
                found: state.root(),
            });
        }
        Ok(Self { entries, state })
    }

    /// Refuses a copy that does not pass through what is known of the log.
    pub fn require(&self, known: &Anchor) -> Result<(), LogPushError> {
        let is_passed = self.state.origin() == Some(&known.origin) && self.has(&known.position);
        if is_passed {
            return Ok(());
        }
        let known = known.clone();
        Err(LogPushError::OtherLog { known })
    }

    /// Returns what the entries lead to.
    pub const fn state(&self) -> &LogState {
        &self.state
    }

    fn has(&self, position: &LogPosition) -> bool {
        self.state.root_at(position.size) == Some(position.root)
    }
}

/// Sends what the registry lacks, and returns how many entries that were. Where it ends early, the next
/// time goes on from there.
pub async fn push(client: &Client, copy: &LogCopyFiles) -> Result<u64, LogPushError> {
    let from = standing(client, copy).await?;
    let lacking = copy.entries.iter().enumerate();
    for (entry, envelope) in lacking.skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        let entry = entry as u64;
        let appended = client.append_lost(envelope).await;
        let found = appended
            .map_err(|source| LogPushError::Entry { entry, source })?
            .index;
        if found != entry {
            return Err(LogPushError::Elsewhere { entry, found });
        }
    }
    let to = standing(client, copy).await?;
    Ok(to - from)
}

/// Returns how many entries of the copy the registry has.
async fn standing(client: &Client, copy: &LogCopyFiles) -> Result<u64, LogPushError> {
    if client.log_info().await?.origin.is_none() {
        return Ok(0);
    }
    let newest = client.cosignatures().await?.newest;
    let (covered, _) = Checkpoint::parse(newest.as_bytes()).map_err(|source| {
        let url = client.url().to_string();
        let source = Some(source.into());
        ClientError::Malformed {
            url,
            expected: "a checkpoint",
            source,
        }
    })?;
    if covered.size > copy.state.size() {
        return Err(LogPushError::Ahead {
            here: copy.state.size(),
            there: covered.size,
        });
    }
    if copy.state.origin() != Some(&covered.origin) || !copy.has(&covered.position()) {
        return Err(LogPushError::OtherHistory { size: covered.size });
    }
    Ok(covered.size)
}
