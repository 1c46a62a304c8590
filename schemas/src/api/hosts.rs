//! Hosts as a registry shows them: what they said, and what its log says about that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host_report::{Health, HostFacts, ProjectReport, ReportedError};
use super::page::Page;
use crate::outcome::FailureKind;
use crate::{Digest, HostName, Timestamp};

/// One project on one host: what the host said, and what the registry's log says about that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// The host.
    pub host: HostName,
    /// What follows from the report and the log.
    pub state: DeploymentState,
    /// When the host last reported, by the registry's clock.
    pub received_at: Timestamp,
    /// The same, when the next report is long overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// What the channel points to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Digest>,
    /// What the host said.
    pub report: ProjectReport,
}

/// How a project on a host is, the most urgent first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentState {
    /// The host should have reported three times since it last did.
    Silent,
    /// The last attempt failed, or a health check does.
    Failed,
    /// People revoked the live release.
    Revoked,
    /// The live tree differs from its release.
    Drifted,
    /// The head is not live, because a person on the host said so.
    Held,
    /// The head is not live yet: the host's wave or window has not come, or people paused the channel.
    Waiting,
    /// The head is not live.
    Behind,
    /// The log says nothing about the channel, or the host follows none.
    Unknown,
    /// The head is live.
    Current,
}

impl std::fmt::Display for DeploymentState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Silent => "silent",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
            Self::Drifted => "drifted",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::Behind => "behind",
            Self::Unknown => "unknown",
            Self::Current => "current",
        })
    }
}

impl ProjectReport {
    /// Tells what follows from the report of a host that is heard from, where the channel points to
    /// `head` and the live release may have been revoked.
    pub fn state(&self, head: Option<Digest>, is_revoked: bool) -> DeploymentState {
        // What may work the next time is no failure yet.
        let failed = |error: &ReportedError| error.kind != FailureKind::Temporary;
        if self.health == Health::Failing || self.last_error.as_ref().is_some_and(failed) {
            DeploymentState::Failed
        } else if is_revoked {
            DeploymentState::Revoked
        } else if self.drift.is_some_and(|paths| paths > 0) {
            DeploymentState::Drifted
        } else if head.is_none() {
            DeploymentState::Unknown
        } else if self.live == head {
            DeploymentState::Current
        } else if self.hold.is_some() {
            DeploymentState::Held
        } else if self.waiting.is_some() && self.head == head {
            DeploymentState::Waiting
        } else {
            DeploymentState::Behind
        }
    }
}

/// A host as it last reported. Of its projects, those that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostSummary {
    /// The host.
    pub host: HostName,
    /// When it last reported, by the registry's clock.
    pub received_at: Timestamp,
    /// The same, when the next report is long overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// What it said of itself.
    pub report: HostFacts,
    /// Its projects, by name.
    pub deployments: Vec<Deployment>,
}

/// A host, and how that came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostDetail {
    /// What lists show.
    pub summary: HostSummary,
    /// What it said before, newest first: reports that differ from the one before.
    pub history: Page<HostChange>,
}

/// A report on a project that differed from the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostChange {
    /// Counts the host's changes, from 1.
    pub number: u64,
    /// When it was received, by the registry's clock.
    pub received_at: Timestamp,
    /// What the host said.
    pub report: ProjectReport,
}

#[cfg(test)]
mod tests {
    use super::super::host_report::{ReportedHold, ReportedWaiting};
    use super::*;

    fn report() -> ProjectReport {
        serde_json::from_str(r#"{"project":"acme/billing","standing":"behind"}"#).unwrap()
    }

    #[test]
    fn the_most_urgent_state_is_the_one_that_is_told() {
        let (head, other) = (Digest::of(b"head"), Digest::of(b"other"));
        let mut report = report();
        assert_eq!(report.state(None, false), DeploymentState::Unknown);
        assert_eq!(report.state(Some(head), false), DeploymentState::Behind);
        report.hold = Some(ReportedHold {
            hash: other,
            since: Timestamp::EPOCH,
            by: None,
            reason: None,
        });
        assert_eq!(report.state(Some(head), false), DeploymentState::Held);
        let hold = report.hold.take();
        report.head = Some(head);
        report.waiting = Some(ReportedWaiting {
            until: None,
            reason: "waits".into(),
        });
        assert_eq!(report.state(Some(head), false), DeploymentState::Waiting);
        // It has not seen what the channel points to now.
        assert_eq!(report.state(Some(other), false), DeploymentState::Behind);
        report.hold = hold;
        assert_eq!(report.state(Some(head), false), DeploymentState::Held);
        report.live = Some(head);
        assert_eq!(report.state(Some(head), false), DeploymentState::Current);
        report.drift = Some(0);
        assert_eq!(report.state(Some(head), false), DeploymentState::Current);
        report.drift = Some(1);
        assert_eq!(report.state(Some(head), false), DeploymentState::Drifted);
        assert_eq!(report.state(Some(head), true), DeploymentState::Revoked);
        report.last_error = Some(ReportedError {
            kind: FailureKind::Temporary,
            message: "away".into(),
            at: Timestamp::EPOCH,
        });
        assert_eq!(report.state(Some(head), true), DeploymentState::Revoked);
        report.health = Health::Failing;
        assert_eq!(report.state(Some(head), true), DeploymentState::Failed);
        report.health = Health::Healthy;
        report.last_error.as_mut().unwrap().kind = FailureKind::RolledBack;
        assert_eq!(report.state(Some(head), true), DeploymentState::Failed);
    }
}
