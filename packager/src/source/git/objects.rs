//! The object database, with a handle and a pack cache for each thread that reads.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::source::SourceError;

/// Bytes of delta bases that one handle remembers. Neighbours in a tree are often deltas of the
/// same base, so a small cache has nearly all of the effect.
const DELTA_BASE_CACHE: &str = "core.deltaBaseCacheLimit=16m";

/// Handles that are idle. A thread takes one, reads, and puts it back with its caches warm.
pub(super) struct Objects {
    shared: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
}

impl Objects {
    /// Opens the repository whose work tree or git directory is `top`.
    ///
    /// Ownership is not asked for: nothing that the repository's configuration names is run.
    pub(super) fn open(top: &Path) -> Result<Self, SourceError> {
        let shared = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .config_overrides(["core.useReplaceRefs=false", DELTA_BASE_CACHE])
            .open(top)
            .map_err(|source| SourceError::Git {
                action: "open",
                repository: top.to_owned(),
                source,
            })?;
        Ok(Self {
            shared,
            idle: Mutex::default(),
        })
    }

    pub(super) fn take(&self) -> gix::Repository {
        let idle = self.idle().pop();
        idle.unwrap_or_else(|| self.shared.to_thread_local())
    }

    pub(super) fn put(&self, repository: gix::Repository) {
        self.idle().push(repository);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<gix::Repository>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
