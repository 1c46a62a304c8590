//! A log's state as documents: what the registry answers and `bulla` prints.

use bulla_schemas::api::{self, ProjectSummary, ReleaseSummary};
use bulla_schemas::{Name, ProjectName};

use super::entries::{Head, Promotion, Release};
use super::log_state::LogState;

impl From<&Promotion> for api::Promotion {
    fn from(promotion: &Promotion) -> Self {
        Self {
            entry: promotion.entry,
            channel: promotion.channel.clone(),
            seq: promotion.seq,
            action: promotion.action,
            hash: promotion.hash,
            people: promotion.people.clone(),
            reason: promotion.reason.clone(),
            issued_at: promotion.issued_at,
            waves: promotion.waves,
            urgent: promotion.urgent,
            up_to: promotion.up_to,
        }
    }
}

impl From<&Head> for api::Promotion {
    fn from(head: &Head) -> Self {
        Self {
            entry: head.entry,
            channel: head.channel.clone(),
            seq: head.seq,
            action: head.action,
            hash: head.hash,
            people: head.people.clone(),
            reason: head.reason.clone(),
            issued_at: head.issued_at,
            waves: head.rollout.waves,
            urgent: head.rollout.urgent,
            up_to: Some(head.rollout.open).filter(|open| !open.is_first()),
        }
    }
}

impl Release {
    /// Returns who else built the same from a clean checkout, in the order of the log.
    pub fn reproduced_by(&self) -> Vec<Name> {
        let first = self.record();
        let clean = self.statements.iter().filter(|record| !record.dirty);
        let mut names: Vec<Name> = Vec::new();
        for name in clean.flat_map(|record| &record.builders) {
            if !first.builders.contains(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

impl LogState {
    /// Returns a project and where its channels stand.
    pub fn project_summary(&self, project: &ProjectName) -> ProjectSummary {
        ProjectSummary {
            project: project.clone(),
            releases: self.release_count(project) as u64,
            channels: self.channels(project).map(Into::into).collect(),
        }
    }

    /// Returns a release of a project as lists show it.
    pub fn release_summary(&self, project: &ProjectName, release: &Release) -> ReleaseSummary {
        let record = release.record();
        let heads = self.channels(project);
        ReleaseSummary {
            hash: release.hash,
            source: record.source.clone(),
            reference: record.reference.clone(),
            revision: record.revision.clone(),
            label: record.label.clone(),
            dirty: release.is_dirty(),
            built_by: record.builders.clone(),
            reproduced_by: release.reproduced_by(),
            size: record.size,
            finished_on: record.finished_on,
            entry: release.entry(),
            revoked: self.revocation(project, &release.hash),
            channels: heads
                .filter(|head| head.hash == release.hash)
                .map(|head| head.channel.clone())
                .collect(),
        }
    }
}
