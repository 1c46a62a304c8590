//! Two signed checkpoints of a log: whether both can be true. What says no is proof, which anybody can
//! check who has the log's key.

use bulla_registry_client::{Client, ClientError};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::{Digest, log::LogPosition};
use bulla_trust::checkpoint::CheckpointError;
use bulla_trust::merkle::Peaks;
use bulla_trust::{Checkpoint, LogState, SignedNote, VerifierKey};

/// Most bytes of a file with checkpoints.
pub const MOST_BYTES: u64 = 1024 * 1024;
/// Most leaves that are fetched to see whether one tree goes on from another.
const MOST_LEAVES: u64 = 4 * 1024 * 1024;

/// A checkpoint, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The file or registry.
    pub place: String,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// As it was signed.
    pub note: SignedNote,
}

/// How two checkpoints stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The same tree.
    Same,
    /// The larger goes on from the smaller.
    Continues,
    /// They cannot both be true.
    Fork,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// No checkpoint.
    #[error("`{place}` holds no checkpoint")]
    Checkpoint {
        /// The file or registry.
        place: String,
        /// The reason.
        #[source]
        source: CheckpointError,
    },
    /// Not signed by the log.
    #[error("the checkpoint of `{place}` is not signed with a key of the log")]
    Unsigned {
        /// The file or registry.
        place: String,
    },
    /// Two logs.
    #[error("`{place}` is about the log `{found}`, and `{other}` about `{expected}`")]
    OtherLog {
        /// The file or registry.
        place: String,
        /// Its log.
        found: String,
        /// The other one.
        other: String,
        /// The other log.
        expected: String,
    },
    /// Neither of the two trees is that of the log that was looked at.
    #[error("the log has neither the {smaller} nor the {larger} entries of these checkpoints")]
    Neither {
        /// The size of one.
        smaller: u64,
        /// The size of the other.
        larger: u64,
    },
    /// Too few entries to tell.
    #[error("the log that was looked at has {found} entries, and {needed} are needed to tell")]
    TooShort {
        /// How many it has.
        found: u64,
        /// How many the larger checkpoint covers.
        needed: u64,
    },
    /// The hashes do not come.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Outcome for ForkError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Checkpoint { .. } => FailureKind::Usage,
            Self::Unsigned { .. } | Self::OtherLog { .. } => FailureKind::Refused,
            Self::Neither { .. } | Self::TooShort { .. } => FailureKind::Failed,
            Self::Client(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unsigned { .. } => Some(
                "give the key that the policy names with --log-key; anybody can write a checkpoint \
                 that nobody signed"
                    .to_owned(),
            ),
            Self::TooShort { .. } | Self::Neither { .. } => Some(
                "name a registry or mirror with --registry that has the larger of the two".to_owned(),
            ),
            Self::Client(error) => error.hint(),
            Self::Checkpoint { .. } | Self::OtherLog { .. } => None,
        }
    }
}

/// Reads the checkpoints of a file, one behind the other.
pub fn read(place: &str, bytes: &[u8]) -> Result<Vec<View>, ForkError> {
    let views = bulla_trust::note::split(bytes).into_iter().map(|note| {
        let (checkpoint, note) =
            Checkpoint::parse(note).map_err(|source| ForkError::Checkpoint {
                place: place.to_owned(),
                source,
            })?;
        Ok(View {
            place: place.to_owned(),
            checkpoint,
            note,
        })
    });
    views.collect()
}

/// Refuses what the log did not sign.
pub fn require_signed(view: &View, log_keys: &[VerifierKey]) -> Result<(), ForkError> {
    if log_keys.iter().any(|key| view.note.is_signed_by(key)) {
        return Ok(());
    }
    Err(ForkError::Unsigned {
        place: view.place.clone(),
    })
}

/// Says how two checkpoints stand to each other, as far as they say so themselves.
pub fn at_once(one: &View, other: &View) -> Result<Option<Standing>, ForkError> {
    let (a, b) = (&one.checkpoint, &other.checkpoint);
    if a.origin != b.origin {
        return Err(ForkError::OtherLog {
            place: other.place.clone(),
            found: b.origin.clone(),
            other: one.place.clone(),
            expected: a.origin.clone(),
        });
    }
    Ok(match (a.size == b.size, a.root == b.root) {
        (true, true) => Some(Standing::Same),
        (true, false) => Some(Standing::Fork),
        (false, _) => None,
    })
}

/// Says it by a log that was verified and reaches as far.
pub fn by_state(state: &LogState, one: &View, other: &View) -> Option<Standing> {
    let is_in = |view: &View| {
        let root = state.root_at(view.checkpoint.size)?;
        Some(root == view.checkpoint.root)
    };
    match (is_in(one)?, is_in(other)?) {
        (true, true) => Some(Standing::Continues),
        (true, false) | (false, true) => Some(Standing::Fork),
        (false, false) => None,
    }
}

/// Says it by the hashes of a log's tiles, of which nothing is believed: they have to lead to one of
/// the two.
pub async fn by_tiles(client: &Client, one: &View, other: &View) -> Result<Standing, ForkError> {
    let (smaller, larger) = if one.checkpoint.size < other.checkpoint.size {
        (&one.checkpoint, &other.checkpoint)
    } else {
        (&other.checkpoint, &one.checkpoint)
    };
    let newest = client.cosignatures().await?.newest;
    let newest = Checkpoint::parse(newest.as_bytes()).map_err(|source| ForkError::Checkpoint {
        place: client.url().to_string(),
        source,
    })?;
    let found = newest.0.size;
    if found < larger.size || larger.size > MOST_LEAVES {
        return Err(ForkError::TooShort {
            found: found.min(MOST_LEAVES),
            needed: larger.size,
        });
    }
    let leaves = client.leaf_hashes(larger.size, found).await?;
    let roots = [smaller.position(), larger.position()].map(|position| has(&leaves, position));
    match roots {
        [true, true] => Ok(Standing::Continues),
        [false, false] => Err(ForkError::Neither {
            smaller: smaller.size,
            larger: larger.size,
        }),
        _ => Ok(Standing::Fork),
    }
}

fn has(leaves: &[Digest], position: LogPosition) -> bool {
    let size = usize::try_from(position.size).unwrap_or(usize::MAX);
    let Some(leaves) = leaves.get(..size) else {
        return false;
    };
    let mut peaks = Peaks::default();
    for leaf in leaves {
        peaks.push(*leaf);
    }
    peaks.root() == position.root
}

/// Writes checkpoints one behind the other, for who is to check them.
pub fn proof(views: &[&View]) -> Vec<u8> {
    views.iter().flat_map(|view| view.note.to_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, key, log_key, project};

    use super::*;

    fn view(place: &str, organisation: &Organisation, size: usize) -> View {
        let note = organisation.checkpoint_at(size, &log_key());
        let mut views = read(place, &note).unwrap();
        assert_eq!(views.len(), 1);
        views.remove(0)
    }

    fn grown(contents: &[&str]) -> Organisation {
        let mut acme = Organisation::new();
        for content in contents {
            acme.publish(&project(), content);
        }
        acme
    }

    #[test]
    fn tells_a_fork_from_what_goes_on() {
        let (acme, forked) = (grown(&["a", "b", "c"]), grown(&["a", "x", "y"]));
        let state = &acme.state;
        let (two, four) = (view("two", &acme, 2), view("four", &acme, 4));
        assert_eq!(at_once(&two, &two).unwrap(), Some(Standing::Same));
        assert_eq!(at_once(&two, &four).unwrap(), None);
        assert_eq!(by_state(state, &two, &four), Some(Standing::Continues));
        let three = view("three", &forked, 3);
        assert_eq!(by_state(state, &three, &four), Some(Standing::Fork));
        let other = view("other", &forked, 4);
        assert_eq!(at_once(&other, &four).unwrap(), Some(Standing::Fork));
        assert_eq!(by_state(&grown(&["a"]).state, &two, &four), None);
        let proof = read("proof", &proof(&[&other, &four])).unwrap();
        assert_eq!(at_once(&proof[0], &proof[1]).unwrap(), Some(Standing::Fork));
    }

    #[test]
    fn what_nobody_signed_is_no_evidence() {
        let acme = grown(&["a"]);
        let keys = acme.state.checked_policy().unwrap().log_keys();
        require_signed(&view("log", &acme, 2), keys).unwrap();
        let note = acme.checkpoint_at(2, &key("mallory"));
        let forged = read("forged", &note).unwrap();
        assert!(matches!(
            require_signed(&forged[0], keys),
            Err(ForkError::Unsigned { .. })
        ));
        assert!(read("torn", b"torn").is_err());
    }
}
