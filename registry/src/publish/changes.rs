//! What repositories get and what is deleted from them wait for each other: a manifest is not added
//! while a part of it is deleted, nor does the log come to name what is just going.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Who may change what repositories have.
#[derive(Debug, Default)]
pub(super) struct Changes(RwLock<()>);

/// Held while a repository gets something, together with others: nothing is deleted meanwhile.
#[derive(Debug)]
pub(super) struct Adding<'a> {
    _held: RwLockReadGuard<'a, ()>,
}

/// Held while something is deleted: nothing else changes meanwhile.
#[derive(Debug)]
pub(super) struct Deleting<'a> {
    _held: RwLockWriteGuard<'a, ()>,
}

impl Changes {
    /// Waits for deletions to end. Who holds it must not ask for another: a deletion may wait in
    /// between.
    pub(super) async fn adding(&self) -> Adding<'_> {
        Adding {
            _held: self.0.read().await,
        }
    }

    /// Waits for all other changes to end.
    pub(super) async fn deleting(&self) -> Deleting<'_> {
        Deleting {
            _held: self.0.write().await,
        }
    }
}
