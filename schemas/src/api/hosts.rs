//! Hosts as a registry shows them: what they said, and what its log says about that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host_report::{Health, HostFacts, ProjectReport, ReportedError};
use super::page::Page;
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
    /// The last attempt failed or could not begin, or a health check fails.
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

/// How far a host has come with the head of its channel, in the word that `bulla where` and `bulla
/// wave` have for it; the first that applies. `bulla-installer status` says the same there.
///
/// | why the head is not live | word | later waves wait |
/// |---|---|---|
/// | it failed there, and is in quarantine or not | failed | yes |
/// | the host cannot take it: nobody may run its hooks, a variable, path or program is missing, the disk is full, the live tree was edited under `drift = "block"`, it is revoked | failed | yes |
/// | a person there holds or pinned another release | held | no |
/// | its wave or window has not come, or people paused the channel | waiting | no |
/// | nothing that it says, or what may work the next time: a registry that is away | behind | no |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival<'a> {
    /// It failed, or the host cannot take it: why.
    Failed(&'a str),
    /// It is live.
    Current,
    /// A person on the host keeps it on another release.
    Held,
    /// It waits: for what.
    Waiting(&'a str),
    /// It is about to take it, or tries again.
    Behind,
}

impl Arrival<'_> {
    /// Tells whether hosts of later waves wait because of it.
    pub const fn stops_later_waves(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl ProjectReport {
    /// Tells how far the host has come with the head of its channel.
    pub fn arrival(&self, head: &Digest) -> Arrival<'_> {
        if let Some(why) = self.failure_of(head) {
            return Arrival::Failed(why);
        }
        if self.live.as_ref() == Some(head) {
            return Arrival::Current;
        }
        if self.hold.is_some() {
            return Arrival::Held;
        }
        // It may not have seen what the channel points to now.
        let knows_head = self.head.as_ref() == Some(head);
        match &self.waiting {
            Some(waiting) if knows_head => Arrival::Waiting(waiting.reason.as_str()),
            _ => Arrival::Behind,
        }
    }

    /// Tells what follows from the report of a host that is heard from, where the channel points to
    /// `head` and the live release may have been revoked.
    pub fn state(&self, head: Option<Digest>, is_revoked: bool) -> DeploymentState {
        let error = self.last_error.as_ref();
        let arrival = head.as_ref().map(|head| self.arrival(head));
        if self.health == Health::Failing
            || error.is_some_and(ReportedError::is_failure)
            || arrival.is_some_and(|arrival| arrival.stops_later_waves())
        {
            return DeploymentState::Failed;
        }
        if is_revoked {
            return DeploymentState::Revoked;
        }
        if self.drift.is_some_and(|paths| paths > 0) {
            return DeploymentState::Drifted;
        }
        match arrival {
            None => DeploymentState::Unknown,
            Some(Arrival::Failed(_)) => DeploymentState::Failed,
            Some(Arrival::Current) => DeploymentState::Current,
            Some(Arrival::Held) => DeploymentState::Held,
            Some(Arrival::Waiting(_)) => DeploymentState::Waiting,
            Some(Arrival::Behind) => DeploymentState::Behind,
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
    use crate::outcome::FailureKind;

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
            hash: None,
        });
        assert_eq!(report.state(Some(head), true), DeploymentState::Revoked);
        report.health = Health::Failing;
        assert_eq!(report.state(Some(head), true), DeploymentState::Failed);
        report.health = Health::Healthy;
        report.last_error.as_mut().unwrap().kind = FailureKind::RolledBack;
        assert_eq!(report.state(Some(head), true), DeploymentState::Failed);
    }

    #[test]
    fn one_word_says_why_a_head_is_not_live_and_whether_later_waves_wait() {
        let head = Digest::of(b"head");
        let with = |more: &str| -> ProjectReport {
            let text = format!(
                r#"{{"project":"acme/billing","standing":"behind","head":"{head}"{more}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let error = |kind: &str| {
            format!(
                r#","lastError":{{"kind":"{kind}","message":"why","at":"2026-11-28T12:00:00Z"}}"#
            )
        };
        // The host was to go back to another release while it waits.
        let of_other = || {
            let hash = format!(r#""hash":"{}","at""#, Digest::of(b"other"));
            error("rolled-back").replace(r#""at""#, &hash)
        };
        let hold = format!(r#","hold":{{"hash":"{head}","since":"2026-11-28T12:00:00Z"}}"#);
        let (failed, waits) = (DeploymentState::Failed, r#","waiting":{"reason":"waits"}"#);
        let table = [
            (error("rolled-back"), failed, true),
            (error("failed"), failed, true),
            (error("refused"), failed, true),
            (error("usage"), failed, true),
            (r#","headFailed":true"#.to_owned(), failed, true),
            (
                format!(r#"{},"headFailed":true"#, error("temporary")),
                failed,
                true,
            ),
            (format!("{hold}{}", error("refused")), failed, true),
            (format!("{waits}{}", error("refused")), failed, true),
            (
                format!(r#","live":"{head}","health":"failing""#),
                failed,
                true,
            ),
            (
                format!(r#","live":"{head}""#),
                DeploymentState::Current,
                false,
            ),
            (hold.clone(), DeploymentState::Held, false),
            (format!("{hold}{waits}"), DeploymentState::Held, false),
            (waits.to_owned(), DeploymentState::Waiting, false),
            (format!("{waits}{}", of_other()), failed, false),
            (error("temporary"), DeploymentState::Behind, false),
            (String::new(), DeploymentState::Behind, false),
        ];
        for (report, state, stops) in table {
            let found = with(&report);
            assert_eq!(found.state(Some(head), false), state, "{report}");
            let arrival = found.arrival(&head);
            assert_eq!(arrival.stops_later_waves(), stops, "{report}");
        }
    }
}
