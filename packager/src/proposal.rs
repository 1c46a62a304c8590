//! `Proposal`: what a person wants a channel to point to, before anybody has signed it.

use bulla_schemas::report::{ContainsLive, ProposalReport};
use bulla_schemas::statement::Waves;
use bulla_schemas::{ChannelName, Digest, ProjectName, Timestamp};

/// What a person wants a channel to point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The project.
    pub project: ProjectName,
    /// The channel.
    pub channel: ChannelName,
    /// The release.
    pub hash: Digest,
    /// Why; permanent.
    pub reason: String,
    /// The time, for people.
    pub issued_at: Timestamp,
    /// When the waves after the first may go; `None` when all servers go at once.
    pub waves: Option<Waves>,
    /// Whether servers go past their maintenance windows; `None` when the action says it.
    pub urgent: Option<bool>,
}

impl Proposal {
    /// Reports a channel that points to the release already, since this entry of the log.
    pub fn standing(&self, entry: u64) -> ProposalReport {
        ProposalReport {
            entry: Some(entry),
            ..self.report()
        }
    }

    /// Begins a report.
    pub(crate) fn report(&self) -> ProposalReport {
        ProposalReport {
            project: self.project.clone(),
            channel: self.channel.clone(),
            hash: self.hash,
            preview: None,
            not_compared: None,
            waves: self.waves,
            servers: Vec::new(),
            passed_over: Vec::new(),
            failed_on: Vec::new(),
            waiting: Vec::new(),
            not_asked: None,
            urgent: self.urgent,
            contains_live: ContainsLive::Yes,
            dropped: Vec::new(),
            dropped_commits: None,
            unknown_because: None,
            entry: None,
            proposed: None,
        }
    }
}
