//! What hosts say of themselves. Reports are not signed: they help people to see what is where, and
//! nothing is decided by them.
//!
//! A report may say more than this version knows, and names of fields that are not known are
//! skipped, so that servers may be newer than their registry.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::cut_text::CutText;
use crate::outcome::FailureKind;
use crate::period::Period;
use crate::report::server::Standing;
use crate::statement::Wave;
use crate::{ChannelName, Digest, ProjectName, Timestamp};

/// What a host says of itself: read back from its disk, not remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostReport {
    /// What is true of the host as a whole.
    #[serde(flatten)]
    pub facts: HostFacts,
    /// The projects that it follows or has installed.
    pub projects: ReportedProjects,
}

/// What is true of a host as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostFacts {
    /// When this was observed, by the host's clock.
    pub observed_at: Timestamp,
    /// How often the host reports at least; after three times as long it counts as silent.
    pub interval: Period,
    /// The version of the installer.
    pub installer: CutText<64>,
    /// The operating system and its version.
    pub system: CutText<128>,
    /// How many entries of the registry's log the host has verified.
    pub log_size: u64,
    /// What is free where the releases are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_disk: Option<DiskSpace>,
    /// What is free where the host remembers things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_disk: Option<DiskSpace>,
}

impl HostFacts {
    /// The shortest and the longest time without a report that is believed of a host to be usual,
    /// in seconds.
    const SILENCE: (i64, i64) = (30, 3 * 24 * 60 * 60);

    /// Tells whether a host is silent that reported last at `received_at`, by the registry's clock.
    pub fn is_silent(&self, received_at: Timestamp, now: Timestamp) -> bool {
        let interval = self.interval.as_duration().as_secs();
        let (least, most) = Self::SILENCE;
        let patience = i64::try_from(3 * interval).map_or(most, |time| time.clamp(least, most));
        now.as_seconds().saturating_sub(received_at.as_seconds()) > patience
    }
}

/// What is free on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskSpace {
    /// Bytes that the installer may still use.
    pub free_bytes: u64,
    /// Files that it may still make; absent where the file system sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_inodes: Option<u64>,
}

/// The projects of a report: at most [`ReportedProjects::MOST`], each of them once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ProjectReport>", into = "Vec<ProjectReport>")]
pub struct ReportedProjects(Vec<ProjectReport>);

/// Why a list is not the projects of a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Too many.
    #[error(
        "a report has at most {} projects, found {found}",
        ReportedProjects::MOST
    )]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// One of them twice.
    #[error("a report has each project once, found `{project}` twice")]
    Twice {
        /// Which.
        project: ProjectName,
    },
}

impl ReportedProjects {
    /// Most projects in a report.
    pub const MOST: usize = 1000;

    /// Returns the projects of which `is_meant` is true, by name, and the others.
    pub fn partition(
        self,
        is_meant: impl Fn(&ProjectReport) -> bool,
    ) -> (Vec<ProjectReport>, Vec<ProjectReport>) {
        self.0.into_iter().partition(is_meant)
    }
}

impl TryFrom<Vec<ProjectReport>> for ReportedProjects {
    type Error = ReportError;

    fn try_from(mut projects: Vec<ProjectReport>) -> Result<Self, ReportError> {
        if projects.len() > Self::MOST {
            return Err(ReportError::TooMany {
                found: projects.len(),
            });
        }
        projects.sort_by(|one, other| one.project.cmp(&other.project));
        let twice = projects
            .windows(2)
            .find(|two| two[0].project == two[1].project);
        match twice {
            Some(two) => Err(ReportError::Twice {
                project: two[0].project.clone(),
            }),
            None => Ok(Self(projects)),
        }
    }
}

impl From<ReportedProjects> for Vec<ProjectReport> {
    fn from(projects: ReportedProjects) -> Self {
        projects.0
    }
}

impl JsonSchema for ReportedProjects {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReportedProjects".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": generator.subschema_for::<ProjectReport>(),
            "maxItems": Self::MOST,
        })
    }
}

/// What a host says of one project, in the words of `bulla-installer status --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectReport {
    /// The project.
    pub project: ProjectName,
    /// The channel that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// The release that `current` points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Digest>,
    /// When it was activated, by the host's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// What the channel points to in the log that the host has verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Digest>,
    /// How the two compare.
    pub standing: Standing,
    /// The wave that the host is in for this project.
    #[serde(default, skip_serializing_if = "Wave::is_first")]
    pub wave: Wave,
    /// What the host waits for before it makes the head live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ReportedWaiting>,
    /// Whether the head failed on the host, and was not live there since without failing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub head_failed: bool,
    /// The releases that failed on the host last and are not tried again there, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Digest>,
    /// Whether the live release works, as far as its health checks tell.
    #[serde(default)]
    pub health: Health,
    /// How many paths of the live tree differ from the release; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<u64>,
    /// What keeps the host on a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<ReportedHold>,
    /// Since when the host may be out of its load balancer; absent while it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<ReportedDrain>,
    /// Why the last attempt to bring the project to its channel did not succeed; absent once one
    /// did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<ReportedError>,
}

/// Whether a live release works, as far as its health checks tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It has no checks, or they have not been run.
    #[default]
    Unknown,
    /// The last checks passed.
    Healthy,
    /// A check fails.
    Failing,
}

/// What a host waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedWaiting {
    /// Until when, by the host's clock; absent where no time ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// For what, in the words of the host's own log.
    pub reason: CutText<500>,
}

/// Why a host stays on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedHold {
    /// The release that it stays on.
    pub hash: Digest,
    /// Since when, by the host's clock.
    pub since: Timestamp,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CutText<64>>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CutText<500>>,
}

/// That a host may be out of its load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedDrain {
    /// Since when, by the host's clock.
    pub since: Timestamp,
    /// Why it was not put back; absent while nothing has tried to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CutText<500>>,
}

/// What went wrong on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedError {
    /// The kind of failure.
    pub kind: FailureKind,
    /// What happened, as the host's own log has it.
    pub message: CutText<1000>,
    /// When it happened first, by the host's clock. What goes on when it is tried again keeps it.
    pub at: Timestamp,
    /// The release that it is about, where that is not the channel's head: the host was to go back to
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Digest>,
}

impl ReportedError {
    /// Tells whether the host cannot take the release as things are there: it failed, or the attempt
    /// could not even begin. What may work the next time is no failure.
    pub fn is_failure(&self) -> bool {
        self.kind != FailureKind::Temporary
    }
}

impl ProjectReport {
    /// Tells whether another report says more than the same thing at another time.
    pub fn differs_from(&self, other: &Self) -> bool {
        let without_time = |report: &Self| {
            let mut report = report.clone();
            if let Some(error) = &mut report.last_error {
                error.at = Timestamp::EPOCH;
            }
            report
        };
        without_time(self) != without_time(other)
    }

    /// Returns why a release failed on the host, or why the host cannot take it, if it says so.
    pub fn failure_of(&self, hash: &Digest) -> Option<&str> {
        let is_head = self.head.as_ref() == Some(hash);
        let error = self.last_error.as_ref();
        let error = error.filter(|error| error.hash.as_ref().map_or(is_head, |of| of == hash));
        let has_failed = error.is_some_and(ReportedError::is_failure);
        let is_sick = self.live.as_ref() == Some(hash) && self.health == Health::Failing;
        let why = error.map_or("it is not healthy", |error| error.message.as_str());
        ((is_head && self.head_failed) || has_failed || is_sick).then_some(why)
    }

    /// Tells whether a release, which need not be the head, failed on the host.
    pub fn has_failed(&self, hash: &Digest) -> bool {
        self.failed.contains(hash) || self.failure_of(hash).is_some()
    }

    /// Returns since when it is so, by the host's clock, where the host says that a release failed
    /// there.
    pub fn failed_at(&self) -> Option<Timestamp> {
        let error = self.last_error.as_ref().map(|error| error.at);
        error.or(self.activated_at)
    }
}

/// What a registry answers to a report of which it did not take all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportReceipt {
    /// The projects that the token is not for.
    pub left_out: Vec<ProjectName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ProjectReport {
        serde_json::from_str(r#"{"project":"acme/billing","standing":"behind"}"#).unwrap()
    }

    #[test]
    fn a_release_failed_where_its_host_says_so_of_that_release() {
        let (head, other) = (Digest::of(b"head"), Digest::of(b"other"));
        let mut report = report();
        report.head = Some(head);
        let with = |kind| {
            let error = ReportedError {
                kind,
                message: "why".into(),
                at: Timestamp::EPOCH,
                hash: None,
            };
            ProjectReport {
                last_error: Some(error),
                ..report.clone()
            }
        };
        assert_eq!(report.failure_of(&head), None);
        for kind in [
            FailureKind::Failed,
            FailureKind::RolledBack,
            FailureKind::Refused,
            FailureKind::Usage,
        ] {
            assert_eq!(with(kind).failure_of(&head), Some("why"));
            assert_eq!(with(kind).failure_of(&other), None);
        }
        assert_eq!(with(FailureKind::Temporary).failure_of(&head), None);
        let mut quarantined = with(FailureKind::Temporary);
        quarantined.head_failed = true;
        assert_eq!(quarantined.failure_of(&head), Some("why"));
        // What the host was to go back to is not the head.
        let mut way_back = with(FailureKind::RolledBack);
        way_back.last_error.as_mut().unwrap().hash = Some(other);
        assert_eq!(way_back.failure_of(&head), None);
        assert_eq!(way_back.failure_of(&other), Some("why"));
        way_back.head_failed = true;
        assert_eq!(way_back.failure_of(&head), Some("it is not healthy"));
        let mut sick = report.clone();
        sick.live = Some(other);
        sick.health = Health::Failing;
        assert_eq!(sick.failure_of(&head), None);
        assert_eq!(sick.failure_of(&other), Some("it is not healthy"));
    }

    #[test]
    fn an_error_that_goes_on_is_no_change() {
        let failing = |seconds, message: &str| ProjectReport {
            last_error: Some(ReportedError {
                kind: FailureKind::Failed,
                message: message.into(),
                at: Timestamp::from_seconds(seconds).unwrap(),
                hash: None,
            }),
            ..report()
        };
        assert!(!failing(1, "full").differs_from(&failing(2, "full")));
        assert!(failing(1, "full").differs_from(&failing(1, "busy")));
        assert!(failing(1, "full").differs_from(&report()));
    }

    #[test]
    fn a_host_is_silent_after_three_of_its_own_intervals_within_bounds() {
        let facts = |interval: &str| HostFacts {
            observed_at: Timestamp::EPOCH,
            interval: interval.parse().unwrap(),
            installer: "1".into(),
            system: "Debian".into(),
            log_size: 0,
            root_disk: None,
            state_disk: None,
        };
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        for (interval, patience) in [("1m", 180), ("0s", 30), ("24h", 259_200)] {
            let facts = facts(interval);
            let received = at(1000);
            assert!(
                !facts.is_silent(received, at(1000 + patience)),
                "{interval}"
            );
            assert!(facts.is_silent(received, at(1001 + patience)), "{interval}");
            // A registry whose clock was set back hears hosts from the future.
            assert!(!facts.is_silent(received, at(0)), "{interval}");
        }
    }

    #[test]
    fn a_report_has_each_project_once_and_not_too_many() {
        let one = report();
        let twice = ReportedProjects::try_from(vec![one.clone(), one.clone()]);
        assert!(matches!(twice, Err(ReportError::Twice { .. })));
        let many = |count: usize| -> Vec<_> {
            (0..count)
                .map(|number| ProjectReport {
                    project: format!("p{number}").parse().unwrap(),
                    ..one.clone()
                })
                .collect()
        };
        assert!(ReportedProjects::try_from(many(1000)).is_ok());
        assert!(ReportedProjects::try_from(many(1001)).is_err());
    }
}
