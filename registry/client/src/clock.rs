//! This machine's clock, compared with the registry's and the log's.
//!
//! Nothing is decided by time, but what people sign says when, permanently. Every doctor looks at it.

use bulla_schemas::Timestamp;
use bulla_schemas::report::{Finding, Step};
use bulla_trust::LogState;

const STEP: Step = Step::Clock;
/// Seconds that a clock may differ.
const TOLERANCE: i64 = 60;

/// Compares `now` with the registry's `Date` and with the latest time that the log has. `hint` says
/// what to do about a difference.
pub fn clock_findings(
    now: Timestamp,
    registry: Option<Timestamp>,
    log: Option<&LogState>,
    hint: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(date) = registry {
        let ahead = now.as_seconds() - date.as_seconds();
        findings.push(if ahead.abs() <= TOLERANCE {
            Finding::ok(STEP, "agrees with the registry's")
        } else {
            let (seconds, direction) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
            let found = format!(
                "{} {direction} the registry's, which says {date}",
                period(seconds)
            );
            Finding::warning(STEP, found, hint)
        });
    }
    if let Some(latest) = log.and_then(latest) {
        let behind = latest.as_seconds() - now.as_seconds();
        if behind > TOLERANCE {
            let found = format!(
                "{} behind the newest statement of the log, which says {latest}",
                period(behind)
            );
            findings.push(Finding::warning(STEP, found, hint));
        } else {
            findings.push(Finding::ok(
                STEP,
                "not behind the newest statement of the log",
            ));
        }
    }
    findings
}

/// Returns the latest time that a statement in the log names.
fn latest(log: &LogState) -> Option<Timestamp> {
    let of_project = |project| {
        let promotions = log.promotions(project).map(|promotion| promotion.issued_at);
        let releases = log
            .releases(project)
            .flat_map(|release| &release.statements);
        promotions.chain(releases.map(|record| record.finished_on))
    };
    log.projects().flat_map(of_project).max()
}

fn period(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, project};

    use super::*;
    use bulla_schemas::report::FindingKind;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    #[test]
    fn a_clock_that_is_ahead_or_behind_is_named_with_how_much() {
        let found = |now: i64| clock_findings(time(now), Some(time(1_000_000)), None, "").remove(0);
        assert_eq!(found(1_000_030).result, FindingKind::Ok);
        let ahead = found(1_000_600);
        assert_eq!(ahead.result, FindingKind::Warning);
        assert!(
            ahead.found.starts_with("10 min ahead of the registry's"),
            "{ahead:?}"
        );
        let behind = found(1_000_000 - 3 * 86_400);
        assert!(behind.found.starts_with("3 days behind"), "{behind:?}");
    }

    #[test]
    fn a_log_from_the_future_tells_that_the_clock_is_behind() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "one");
        acme.promote("prod", hash, &["alice"]);
        let latest = latest(&acme.state).unwrap().as_seconds();
        let found = |now: i64| clock_findings(time(now), None, Some(&acme.state), "").remove(0);
        assert_eq!(found(latest + 1).result, FindingKind::Ok);
        let behind = found(latest - 7300);
        assert!(
            behind.found.starts_with("2 h behind the newest statement"),
            "{behind:?}"
        );
    }
}
