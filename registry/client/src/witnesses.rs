//! Whether anybody vouches for the log that servers go by, and since when. Every doctor looks at it.

use bulla_schemas::Timestamp;
use bulla_schemas::report::{Finding, Step};
use bulla_schemas::units::count;
use bulla_trust::{Checkpoint, LogState, witness};

/// How old a cosignature may be that nobody has to look after, in seconds: a day.
const QUIET: i64 = 86_400;

/// Looks at the checkpoint that servers go by, at a time, as a step of a doctor.
pub fn witness_findings(
    step: Step,
    state: &LogState,
    note: Option<&[u8]>,
    now: Timestamp,
) -> Vec<Finding> {
    let Some(policy) = state.checked_policy() else {
        return Vec::new();
    };
    let quorum = policy.policy().witnesses.quorum;
    if quorum == 0 {
        // What most teams begin with is no fault, and what it leaves open is said all the same.
        return vec![Finding::ok(
            step,
            "no witness has to cosign the log: a registry that stands still looks as if nothing were \
             new, and two histories are found out only when they are compared (`bulla witness --help`)",
        )];
    }
    let Some((checkpoint, note)) = note.and_then(|note| Checkpoint::parse(note).ok()) else {
        return Vec::new();
    };
    let waiting = state.size().saturating_sub(checkpoint.size);
    let waiting = match waiting {
        0 => String::new(),
        waiting => format!(
            "; {} for witnesses",
            count(waiting, "entry waits", "entries wait")
        ),
    };
    let vouched = witness::vouched_at(policy, &note, now);
    let run = "look whether `bulla witness` runs, and its clock";
    vec![match vouched {
        Some(at) if now.as_seconds() - at.as_seconds() <= QUIET => Finding::ok(
            step,
            format_args!("witnesses vouched for the log at {at}{waiting}"),
        ),
        Some(at) => Finding::warning(
            step,
            format_args!("witnesses have not vouched for the log since {at}{waiting}"),
            run,
        ),
        None => Finding::warning(
            step,
            format_args!("too few witnesses vouch for the log that servers go by{waiting}"),
            run,
        ),
    }]
}

#[cfg(test)]
mod tests {
    use bulla_schemas::report::FindingKind;
    use bulla_trust::testing::{Organisation, cosign, time, witness_line};

    use super::*;

    fn found(quorum: u32, cosigned: Option<u32>, now: u32) -> (FindingKind, String) {
        let mut acme = Organisation::with_policy(|policy| {
            policy.witnesses.keys = vec![witness_line("office")];
            policy.witnesses.quorum = quorum;
        });
        let note = acme.checkpoint();
        let note = cosigned.map_or_else(|| note.clone(), |at| cosign(&note, "office", at));
        acme.publish(&bulla_trust::testing::project(), "one");
        let findings = witness_findings(Step::Registry, &acme.state, Some(&note), time(now));
        let [finding] = &findings[..] else {
            panic!("{findings:?}");
        };
        (finding.result, finding.found.clone())
    }

    #[test]
    fn says_who_vouches_and_what_waits() {
        let (kind, said) = found(0, None, 0);
        assert_eq!(kind, FindingKind::Ok);
        assert!(said.contains("no witness has to cosign"), "{said}");
        let (kind, said) = found(1, Some(5), 60);
        assert_eq!(kind, FindingKind::Ok);
        assert!(said.contains("; 1 entry waits for witnesses"), "{said}");
        let (kind, said) = found(1, Some(5), 100_000);
        assert_eq!(kind, FindingKind::Warning);
        assert!(said.contains("not vouched for the log since"), "{said}");
        let (kind, said) = found(1, None, 0);
        assert_eq!(kind, FindingKind::Warning);
        assert!(said.contains("too few witnesses"), "{said}");
    }
}
