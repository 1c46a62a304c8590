//! What is kept of a registry that shows another history than before: both signed checkpoints, in one
//! file that anybody can check.

use std::path::PathBuf;

use bulla_trust::{Checkpoint, LogError, LogState};

use super::directory::LogDirectory;
use super::error::FollowError;

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
        let root = checkpoint.root.hex();
        let path = self.fork(&format!("fork-{}-{}", checkpoint.size, &root[..8]));
        bulla_files::write(&path, &[known, offered].concat()).ok()?;
        Some(path)
    }
}
