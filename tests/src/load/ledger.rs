//! What the registry has acknowledged, and what the clients have done.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_schemas::Digest;

/// What clients push.
#[derive(Debug, Clone)]
pub(super) struct Pushed {
    /// The blob is made of it.
    pub(super) seed: u64,
    pub(super) blob: String,
    pub(super) manifest: String,
}

/// All that was acknowledged.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Acknowledged>);

#[derive(Debug, Default)]
struct Acknowledged {
    pushed: Vec<Pushed>,
    /// Of each project, in their order.
    promoted: BTreeMap<String, Vec<String>>,
    /// By the two releases, the digest of what came.
    deltas: BTreeMap<(String, String), Digest>,
    figures: Figures,
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Manifests with a blob each.
    pub pushed: u64,
    /// Blobs and manifests that came as they were pushed.
    pub pulled: u64,
    /// Deltas between releases.
    pub deltas: u64,
    /// Releases that were published and promoted.
    pub promoted: u64,
    /// Installs.
    pub installed: u64,
    /// Runs of `gc` beside the server.
    pub collected: u64,
    /// Requests that broke off or were to be repeated.
    pub repeated: u64,
    /// Kills of the registry.
    pub killed: u64,
}

impl Figures {
    /// Tells whether there was some of each kind of work.
    pub(super) fn has_everything(&self) -> bool {
        let kinds = [self.pushed, self.pulled, self.deltas, self.promoted];
        kinds.iter().all(|count| *count > 1) && self.installed > 0 && self.collected > 0
    }
}

impl Ledger {
    pub(super) fn push(&self, pushed: Pushed) {
        let mut all = self.all();
        all.pushed.push(pushed);
        all.figures.pushed += 1;
    }

    /// Returns one of what was pushed.
    pub(super) fn pushed(&self, choice: u64) -> Option<Pushed> {
        let all = self.all();
        let count = all.pushed.len() as u64;
        let position = usize::try_from(choice.checked_rem(count)?).ok()?;
        all.pushed.get(position).cloned()
    }

    pub(super) fn all_pushed(&self) -> Vec<Pushed> {
        self.all().pushed.clone()
    }

    pub(super) fn promote(&self, project: &str, hash: String) {
        let mut all = self.all();
        all.promoted
            .entry(project.to_owned())
            .or_default()
            .push(hash);
        all.figures.promoted += 1;
    }

    pub(super) fn promoted(&self, project: &str) -> Vec<String> {
        self.all()
            .promoted
            .get(project)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns two releases that follow each other, of any project.
    pub(super) fn two_releases(&self, choice: u64) -> Option<(String, String, String)> {
        let all = self.all();
        let projects: Vec<_> = all.promoted.iter().filter(|(_, it)| it.len() > 1).collect();
        let count = projects.len() as u64;
        let position = usize::try_from(choice.checked_rem(count)?).ok()?;
        let (project, releases) = projects.get(position)?;
        let [.., have, want] = releases.as_slice() else {
            return None;
        };
        Some(((*project).clone(), have.clone(), want.clone()))
    }

    /// Notes a delta, which is the same each time.
    pub(super) fn delta(&self, releases: (String, String), digest: Digest) {
        let mut all = self.all();
        all.figures.deltas += 1;
        let first = *all.deltas.entry(releases).or_insert(digest);
        assert_eq!(first, digest, "a delta is the same each time");
    }

    /// Counts something.
    pub(super) fn count(&self, what: impl FnOnce(&mut Figures)) {
        what(&mut self.all().figures);
    }

    pub(super) fn killed(&self) {
        self.count(|figures| figures.killed += 1);
    }

    pub(super) fn figures(&self) -> Figures {
        self.all().figures
    }

    fn all(&self) -> MutexGuard<'_, Acknowledged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
