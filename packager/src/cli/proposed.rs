//! What all commands say of something that waits for the signatures of others.

use std::time::Duration;

use bulla_registry_client::Client;
use bulla_schemas::Name;
use bulla_schemas::line::{few, list};
use bulla_schemas::outcome::with_causes;
use bulla_schemas::policy::Policy;
use bulla_schemas::report::ApprovalReport;
use bulla_terminal::{Failure, count, stderr};
use bulla_trust::{LogState, Statement};

use super::length::{self, DAY, MINUTE};
use crate::pending::{self, Pending, PendingError};
use crate::propose::{self, Task};
use crate::ssh::PersonalKey;

/// Most proposals that are named.
const MOST_NAMED: usize = 5;

/// Reads how long something waits: `90m`, `12h` or `2d`, a minute to thirty days.
pub(super) fn expiry(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected 1m to 30d, such as 12h or 2d, found {text:?}");
    let seconds = length::seconds(text, MINUTE..=30 * DAY).ok_or_else(expected)?;
    Ok(Duration::from_secs(seconds))
}

/// Finds what somebody proposed that says the same. The person's own is said and returned; that of
/// others is refused, because it is to be approved and not proposed again.
pub(super) async fn own(
    client: &Client,
    state: &LogState,
    key: &PersonalKey,
    statement: &Statement,
) -> Result<Option<Pending>, Failure> {
    let Some(pending) = pending::find::same(client, state, statement).await? else {
        return Ok(None);
    };
    if propose::task(state, &pending, Some(key)).is_ok_and(|task| task == Task::Wait) {
        stderr::say("you proposed this already");
        say(&pending);
        return Ok(Some(pending));
    }
    let signed = pending.tallies().iter().flat_map(|tally| &tally.signed);
    let mut signed: Vec<Name> = signed.cloned().collect();
    signed.sort_unstable();
    signed.dedup();
    let id = pending.id;
    Err(PendingError::Same { id, signed }.into())
}

/// Names what waits and could not take effect any more once a policy is in effect. That is looked up to be
/// said, and keeps nobody from signing where it cannot be.
pub(super) async fn say_voided(
    client: &Client,
    state: &LogState,
    next: &Policy,
    own: Option<&Pending>,
) {
    let voided = match pending::voided::by(client, state, next).await {
        Ok(voided) => voided,
        Err(error) => {
            let why = with_causes(&error);
            stderr::note(format_args!("what else waits is not known: {why}"));
            return;
        }
    };
    let voided = voided
        .iter()
        .filter(|one| own.is_none_or(|own| own.id != one.id));
    let named: Vec<_> = voided
        .map(|one| format!("{} ({})", one.id.short(), one.what()))
        .collect();
    if !named.is_empty() {
        stderr::words(
            "",
            format_args!(
                "this voids {}: {}",
                count(named.len() as u64, "proposal", "proposals"),
                few(&named, MOST_NAMED, ", ", ", and")
            ),
        );
    }
}

/// Says who has signed, who may, and how they do.
pub(super) fn say(pending: &Pending) {
    let id = pending.id.short();
    let proposed = pending.proposed();
    let open = proposed.approvals.iter();
    for approval in open.filter(|approval| !approval.asked.is_empty()) {
        stderr::say(format_args!(
            "proposed as {id}, not in effect: {}",
            how_far(approval)
        ));
    }
    stderr::say(format_args!(
        "  they look at it and sign it with `bulla approve {id}`, until {}",
        proposed.expires_at
    ));
    for displaced in &pending.displaced {
        stderr::note(format_args!(
            "you have proposed as much as may wait for each person: {}, your oldest, waits no more",
            displaced.short()
        ));
    }
}

/// Says how many have signed, and who may.
pub(super) fn how_far(approval: &ApprovalReport) -> String {
    let signed = match approval.signed.as_slice() {
        [] => "nobody".to_owned(),
        signed => list(signed),
    };
    let (count, needed) = (approval.signed.len(), approval.needed);
    let asked = match approval.asked.as_slice() {
        [] => String::new(),
        asked => format!("; {} may", any_of(asked)),
    };
    format!("{count} of {needed} signed ({signed}){asked}")
}

/// `bob`, `bob or carol`, `bob, carol or dave`
fn any_of(names: &[Name]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [only] => only.to_string(),
        [others @ .., last] => format!("{} or {last}", list(others)),
    }
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::names;

    use super::*;

    #[test]
    fn what_waits_waits_for_a_minute_to_thirty_days() {
        for (text, seconds) in [
            ("1m", 60),
            ("12h", 43_200),
            ("2d", 172_800),
            ("30d", 2_592_000),
        ] {
            assert_eq!(expiry(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in [
            "",
            "d",
            "0m",
            "31d",
            "2w",
            "-1d",
            "18446744073709551615d",
            "2ä",
        ] {
            assert!(expiry(wrong).unwrap_err().contains("1m to 30d"), "{wrong}");
        }
    }

    #[test]
    fn who_may_is_named_as_a_choice() {
        let said = |signed: &[&str], asked: &[&str]| {
            how_far(&ApprovalReport {
                what: "`prod` of `acme/billing`".to_owned(),
                needed: 2,
                signed: names(signed),
                asked: names(asked),
            })
        };
        assert_eq!(
            said(&["alice"], &["bob", "carol", "dave"]),
            "1 of 2 signed (alice); bob, carol or dave may"
        );
        assert_eq!(said(&["alice"], &["bob"]), "1 of 2 signed (alice); bob may");
        assert_eq!(said(&["alice", "bob"], &[]), "2 of 2 signed (alice, bob)");
    }
}
