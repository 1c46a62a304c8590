//! What can go wrong with the log.

use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_trust::Reason;
use bulla_trust::note::NoteError;
use bulla_trust::tile::TilePath;

use bulla_files::FileError;

/// Why the log cannot be opened, or an envelope is not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The files contradict each other.
    #[error("the log is damaged")]
    Damaged(#[from] DamagedLog),
    /// The log's key cannot be read.
    #[error("the log's key `{path}` cannot be read")]
    Key {
        /// The key's file.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system gave no randomness or no thread.
    #[error("the system refuses what the log needs")]
    System(#[source] std::io::Error),
    /// A checkpoint could not be signed.
    #[error("a checkpoint cannot be signed")]
    Sign(#[from] NoteError),
    /// The statement would change nothing.
    #[error("the statement would have no effect")]
    Ineffective(#[source] Box<Reason>),
    /// A policy after which no reader would believe this registry's checkpoints.
    #[error("the policy's logKeys lack the key of this registry, `{key}`")]
    NoLogKey {
        /// The key as it has to stand there.
        key: String,
    },
    /// A token has appended as much as it may.
    #[error(
        "a token may append {most} entries in an hour; this one can go on in {seconds} seconds"
    )]
    TooManyEntries {
        /// How many entries.
        most: u32,
        /// How long the token has to wait.
        seconds: u32,
    },
    /// The other place has entries that this log does not have.
    #[error("the log has {here} entries here, and {there} there")]
    Ahead {
        /// How many are here.
        here: u64,
        /// How many are there.
        there: u64,
    },
    /// The other place has another log.
    #[error("the first {size} entries of the log are not those that are there")]
    OtherHistory {
        /// How many entries are there.
        size: u64,
    },
    /// The other place has lost its checkpoint, and has other entries.
    #[error("the checkpoint there cannot be read, and the entries there are not those of this log")]
    OtherEntries,
    /// A copy of the log that somebody else vouches for.
    #[error(
        "this registry did not sign the checkpoint of the copy: expected a signature of `{key}`"
    )]
    NotSignedHere {
        /// The key as policies name it.
        key: String,
    },
    /// There is a log, and not its key.
    #[error(
        "the registry has lost the key of its log, `{path}`{}",
        as_named(named)
    )]
    KeyLost {
        /// The key's file.
        path: String,
        /// The keys that the policy in effect names; none where the log cannot be read.
        named: Vec<String>,
        /// The key that was made to follow it, as policies name it.
        next: Option<String>,
    },
    /// There is only the key that is to follow the log's, and the policy does not name it.
    #[error(
        "the registry has lost the key of its log, and appends nothing before a policy names the next \
         one, `{key}`"
    )]
    AwaitsKey {
        /// The key as it has to stand there.
        key: String,
    },
    /// Nothing tells whose log a copy is.
    #[error("the log's key is not here, and nothing else tells whether the copy is of this log")]
    NoAnchor,
    /// A copy of another log, or of another history.
    #[error("the copy does not pass through the anchor {anchor}")]
    NotAnchored {
        /// The anchor.
        anchor: String,
    },
    /// The key beside the log is not one that may sign its checkpoints.
    #[error(
        "the log is signed by another key than the one in `{path}`{}",
        as_named(named)
    )]
    OtherKey {
        /// The key's file.
        path: String,
        /// The keys that the policy in effect names.
        named: Vec<String>,
    },
    /// This is a copy of another registry's log.
    #[error("this is a copy of another registry's log, and nothing is appended here")]
    Copy,
    /// The log is closed.
    #[error("the registry is stopping")]
    Stopping,
}

impl Outcome for LogError {
    fn kind(&self) -> FailureKind {
        match self {
            // A damaged log must not be served, whatever the operator wishes.
            Self::Damaged(_)
            | Self::Ahead { .. }
            | Self::OtherHistory { .. }
            | Self::OtherEntries
            | Self::KeyLost { .. }
            | Self::NotSignedHere { .. }
            | Self::AwaitsKey { .. }
            | Self::NoAnchor
            | Self::NotAnchored { .. }
            | Self::OtherKey { .. } => FailureKind::Refused,
            Self::File(error) => error.kind(),
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged(_) => Some(
                "restore `log/` from a backup that is not older than what servers know of it"
                    .to_owned(),
            ),
            Self::File(error) => error.hint(),
            Self::Ahead { .. } | Self::OtherHistory { .. } | Self::OtherEntries => Some(
                "either what is there is of another registry, or this one was restored from something \
                 older: use another folder, and keep that one"
                    .to_owned(),
            ),
            Self::KeyLost {
                next: Some(next), ..
            }
            | Self::AwaitsKey { key: next } => Some(format!(
                "`bulla log-key rotate '{next}'` names it, with the signatures of the root"
            )),
            Self::KeyLost { path, .. } => Some(format!(
                "put the key of this log in the place of `{path}`; a backup of the registry has it. Where \
                 none has, `bulla-registry log-key --next` makes the one that the root can name in its place"
            )),
            Self::Key { path, .. } | Self::OtherKey { path, .. } => Some(format!(
                "put the key of this log in the place of `{path}`; a backup of the registry has it. Where \
                 none has, move that file away and make the next key with `bulla-registry log-key --next`"
            )),
            Self::NoAnchor => Some(
                "name a place in the log with `--anchor`, as `bulla anchor` prints one and servers are \
                 enrolled with"
                    .to_owned(),
            ),
            Self::NotAnchored { .. } | Self::NotSignedHere { .. } => Some(
                "take a copy as it came from this registry, by `bulla log fetch`, a mirror or a backup"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Says which keys the policy names.
fn as_named(keys: &[String]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("; its policy names {}", keys.join(" and "))
}

/// How the files of a log contradict each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DamagedLog {
    /// The checkpoint is not one.
    #[error("the checkpoint cannot be read")]
    Checkpoint(#[source] bulla_trust::checkpoint::CheckpointError),
    /// Entries that the checkpoint covers are not there.
    #[error("the checkpoint covers {size} entries, but those from {from} on are missing or torn")]
    Missing {
        /// The size in the checkpoint.
        size: u64,
        /// The first entry of the bundle that is missing.
        from: u64,
    },
    /// Hashes of the tree are not there.
    #[error("`{tile}` is missing or torn")]
    Tile {
        /// The tile.
        tile: TilePath,
    },
    /// The entries are not those that the checkpoint covers.
    #[error("the checkpoint covers root {expected}, the entries lead to {found}")]
    Root {
        /// The root in the checkpoint.
        expected: Digest,
        /// The root of the entries.
        found: Digest,
    },
    /// Nobody would believe the checkpoint.
    #[error("the checkpoint is signed with none of the keys that the policy names")]
    Unsigned,
    /// A policy of a later version of Bulla.
    #[error(transparent)]
    Replay(#[from] bulla_trust::ReplayError),
}
