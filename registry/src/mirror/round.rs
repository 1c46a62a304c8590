//! One round of a mirror: what the origin has beyond what is here.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bulla_registry_client::{FollowError, fetch_growth};
use bulla_schemas::ProjectName;
use bulla_schemas::log::Anchor;
use bulla_schemas::report::MirrorReport;
use bulla_trust::{Checkpoint, LogState, Pin};

use super::content::Look;
use super::error::MirrorError;
use super::project::{Memory, Scope};
use super::source::Source;
use crate::blocking::blocking;
use crate::failpoint::failpoint;
use crate::log::{Mirrored, Published, Spool};
use crate::pattern::ProjectPattern;

/// What is mirrored, and from when on it is believed.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) log: Arc<Mirrored>,
    /// Which projects' content; of all where there are none.
    pub(crate) projects: &'a [ProjectPattern],
    /// A place that the log must pass through.
    pub(crate) anchor: Option<&'a Anchor>,
    /// Whether any log is believed where none is known.
    pub(crate) trusts_first_use: bool,
    /// Where entries lie until they are judged.
    pub(crate) folder: &'a Path,
    pub(crate) look: Look,
}

impl Round<'_> {
    /// Takes over what the origin has, and the checkpoint over it last.
    pub(crate) async fn run(self, memory: &mut Memory) -> Result<MirrorReport, MirrorError> {
        if self.look == Look::Full {
            memory.absent.clear();
        }
        let known = self.source.catalog.published();
        let mut spool = Spool::create_in(self.folder)?;
        let pin = self.pin(&known.state)?;
        let keep = |entry: &[u8]| spool.push(entry).map_err(FollowError::File);
        let grown = fetch_growth(self.source.client, &known.state, pin, keep).await;
        let (checkpoint, state) = grown?;
        let mut report = MirrorReport {
            origin: self.source.client.url().to_string(),
            entries: state.size(),
            new_entries: state.size() - known.state.size(),
            projects: 0,
            manifests: 0,
            received: 0,
            missing: Vec::new(),
        };
        for project in self.wanted(&state).await {
            report.projects += 1;
            let scope = Scope {
                project: &project,
                state: &state,
                known: known.state.size(),
                look: self.look,
            };
            self.source
                .take_project(&scope, memory, &mut report)
                .await?;
        }
        failpoint!("mirror::content-taken");
        report.received = self.source.received();
        let checkpoint = newer(&known, checkpoint);
        if spool.count() > 0 || checkpoint != known.checkpoint {
            let log = self.log;
            blocking(move || log.take(spool, checkpoint, state)).await?;
            let attached = self.source.catalog.attach_from(known.state.size()).await;
            attached.map_err(MirrorError::Publish)?;
        }
        Ok(report)
    }

    /// Returns what the origin's log must be.
    fn pin(&self, known: &LogState) -> Result<Pin<'_>, MirrorError> {
        match self.anchor {
            Some(anchor) => Ok(Pin::Anchor(anchor)),
            None if known.size() > 0 => Ok(Pin::Remembered),
            None if self.trusts_first_use => Ok(Pin::FirstUse),
            None => Err(MirrorError::NoAnchor {
                url: self.source.client.url().to_string(),
            }),
        }
    }

    /// Returns the projects to look at: those of the log, and where the origin lists them to this
    /// caller, repositories of other artifacts too.
    async fn wanted(&self, state: &LogState) -> BTreeSet<ProjectName> {
        let mut projects: BTreeSet<ProjectName> = state.projects().cloned().collect();
        match self.source.client.repositories().await {
            Ok(names) => projects.extend(names.iter().filter_map(|name| name.parse().ok())),
            // Only administrators are told.
            Err(error) => tracing::debug!(%error, "the origin does not list its repositories"),
        }
        projects.retain(|project| is_mirrored(self.projects, project));
        projects
    }
}

/// Returns the checkpoint that is kept: of one size, that with the newest cosignatures.
fn newer(known: &Published, found: Vec<u8>) -> Vec<u8> {
    let (Ok((checkpoint, mut note)), Ok((_, found_note)), Some(policy)) = (
        Checkpoint::parse(&known.checkpoint),
        Checkpoint::parse(&found),
        known.state.checked_policy(),
    ) else {
        return found;
    };
    if checkpoint.size != known.state.size() || note.text() != found_note.text() {
        return found;
    }
    note.take_cosignatures(&found_note, policy.witness_keys());
    note.to_bytes()
}

/// Tells whether the content of a project is mirrored.
fn is_mirrored(patterns: &[ProjectPattern], project: &ProjectName) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(project))
}
