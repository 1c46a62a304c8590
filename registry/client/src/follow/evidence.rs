//! What is kept of a registry that shows another history than before: both signed checkpoints, in one
//! file that anybody can check.

use std::path::{Path, PathBuf};

use bulla_schemas::report::{Finding, Step};
use bulla_trust::{Checkpoint, LogError, LogState};

use super::directory::LogDirectory;
use super::error::FollowError;

/// What the names of files with evidence begin with.
const FORK: &str = "fork-";

/// Names the file that keeps a checkpoint beside the one that it contradicts.
pub fn fork_name(offered: &Checkpoint) -> String {
    format!("{FORK}{}-{}", offered.size, &offered.root.hex()[..8])
}

/// Finds the evidence that is kept beside what is remembered of a log, as a step of a doctor: two
/// histories stay a finding until a person has looked at them.
pub fn fork_findings(step: Step, directory: &Path) -> Vec<Finding> {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    let is_fork = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(FORK);
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| is_fork(&entry.file_name()))
        .map(|entry| entry.path())
        .collect();
    files.sort_unstable();
    let tell = |file: PathBuf| {
        let file = file.display();
        Finding::failed(
            step,
            format_args!(
                "`{file}` has two signed checkpoints of this log that cannot both be true"
            ),
            Some(format!(
                "look at them with `bulla compare {file}`, ask a colleague which history is right, and move \
                 the file away then"
            )),
        )
    };
    files.into_iter().map(tell).collect()
}

impl LogDirectory {
    /// Keeps both checkpoints where a refusal says that they cannot both be true. Only what the log
    /// signed is evidence; anybody can write a note.
    pub(super) fn keep_evidence(
        &self,
        state: &LogState,
        (known, offered): (Option<Vec<u8>>, &[u8]),
        refusal: FollowError,
    ) -> FollowError {
        let FollowError::Refused { url, source, .. } = refusal else {
            return refusal;
        };
        let is_fork = matches!(
            *source,
            LogError::Fork { .. } | LogError::RootMismatch { .. }
        );
        let kept = if is_fork {
            known.and_then(|known| self.write_evidence(state, &known, offered))
        } else {
            None
        };
        FollowError::Refused { url, source, kept }
    }

    /// A disk that is full loses evidence and nothing else.
    fn write_evidence(&self, state: &LogState, known: &[u8], offered: &[u8]) -> Option<PathBuf> {
        let (checkpoint, note) = Checkpoint::parse(offered).ok()?;
        let mut log_keys = state.checked_policy()?.log_keys().iter();
        log_keys.find(|key| note.is_signed_by(key))?;
        let path = self.fork(&fork_name(&checkpoint));
        bulla_files::write(&path, &[known, offered].concat()).ok()?;
        Some(path)
    }
}
