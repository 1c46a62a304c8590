//! A bundle file and a registry's log: what the one says about the other.
//!
//! Content can be pushed to any registry: it is named by its digests. Entries of a log belong to
//! that log: they are compared here, never copied from one log to another.

use bulla_bundle::{BundleFile, BundleFileError, Progress};
use bulla_registry_client::{CopiedLog, FollowError, LogFollower};
use bulla_trust::checkpoint::Checkpoint;

use crate::bundle_file;

/// What a registry's verified log says about the release in a bundle file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was released.
    Released {
        /// The entry that says so first.
        entry: u64,
    },
    /// Only the file's copy of the same log says that it was released: the registry's lacks
    /// entries.
    Behind {
        /// How many entries the registry's log lacks.
        entries: u64,
    },
    /// The file's copy is of another log.
    OtherLog {
        /// That log's name.
        origin: String,
    },
    /// Neither says anything about it.
    Unreleased,
}

/// Checks every byte of the payload in a file.
pub fn verify(file: &BundleFile, progress: &dyn Progress) -> Result<(), BundleFileError> {
    bundle_file::verify(file, progress)
}

/// Judges the release in a file by the registry's log. A copy of the same log that tells another
/// history is refused.
pub fn judge(log: &LogFollower, file: &BundleFile) -> Result<Standing, FollowError> {
    let release = file.bundle().release();
    let hash = file.bundle().hash();
    let ours = log.state();
    let origin = file.log().and_then(|copy| {
        let (checkpoint, _) = Checkpoint::parse(&copy.checkpoint).ok()?;
        Some(checkpoint.origin)
    });
    let is_other = origin
        .as_deref()
        .is_some_and(|origin| origin != log.origin());
    let judged = match file.log() {
        Some(copy) if !is_other => Some(log.judge_copy(CopiedLog {
            found_in: "the bundle file",
            checkpoint: &copy.checkpoint,
            entries: &copy.entries,
        })?),
        _ => None,
    };
    if let Some(known) = ours.release(&release.project, &hash) {
        let entry = known.entry();
        return Ok(Standing::Released { entry });
    }
    Ok(match (judged, origin) {
        (Some(theirs), _) if theirs.release(&release.project, &hash).is_some() => {
            Standing::Behind {
                entries: theirs.size() - ours.size(),
            }
        }
        (None, Some(origin)) => Standing::OtherLog { origin },
        _ => Standing::Unreleased,
    })
}
