//! Whether a log has its key: what is asked before it is served, and what `fsck` says.

use std::path::Path;

use bulla_trust::LogState;

use super::error::LogError;
use super::key;
use super::recover;
use super::tiles::LogFiles;

impl LogFiles {
    /// Refuses a log that has neither its key nor the next one; the keys are not read. The log is, where
    /// they are lost.
    pub(crate) fn require_key(&self, path: &Path) -> Result<(), LogError> {
        let has_key = bulla_files::has_file(path)? || bulla_files::has_file(&key::next(path))?;
        if has_key || !self.is_begun()? {
            return Ok(());
        }
        let read = recover::published(self, &self.kept_state()).ok();
        Err(key::lost(
            read.as_ref().map(|(found, _)| &found.state),
            path,
        ))
    }

    /// Refuses a log whose key is missing, cannot be read, or is none that the policy in effect names.
    /// Of a log that cannot be read, `state` is not known.
    pub(crate) fn check_key(&self, path: &Path, state: Option<&LogState>) -> Result<(), LogError> {
        match (key::read(path)?, state) {
            (Some(key), Some(state)) => key::require_named(state, &key, path),
            (None, _) if self.is_begun()? => Err(key::lost(state, path)),
            _ => Ok(()),
        }
    }
}
