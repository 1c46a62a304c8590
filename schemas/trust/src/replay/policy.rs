//! The rule for policies: the next version, after the one in effect, by the roots of both.

use bulla_schemas::policy::Policy;

use super::entry::Entry;
use super::reason::Reason;
use super::tally::Tally;
use crate::policy::CheckedPolicy;
use crate::state::{Effect, PolicyVersion};

pub(super) fn judge(entry: &Entry<'_>, policy: &Policy) -> Result<Effect, Reason> {
    let new = check_next(entry, policy)?;
    if let Some(current) = entry.before.checked_policy() {
        check_root(entry, current)?;
    }
    check_root(entry, &new)?;
    Ok(Effect::Policy(Box::new(PolicyVersion {
        entry: entry.index,
        payload: entry.envelope.payload().to_vec(),
        checked: new,
    })))
}

/// Counts who of the root in effect and of the new one has signed a policy with which nothing else is
/// wrong.
pub(super) fn tallies(
    entry: &Entry<'_>,
    current: &CheckedPolicy,
    policy: &Policy,
) -> Result<[Tally; 2], Reason> {
    let new = check_next(entry, policy)?;
    Ok([tally(entry, current)?, tally(entry, &new)?])
}

fn tally(entry: &Entry<'_>, policy: &CheckedPolicy) -> Result<Tally, Reason> {
    let signed = entry.signed_under(policy)?;
    let needed = policy.policy().root.threshold;
    Ok(signed.tally(|owner| policy.is_root(owner), needed, what(policy)))
}

/// What the root decides about.
fn what(policy: &CheckedPolicy) -> String {
    format!("the root of policy version {}", policy.policy().version)
}

/// Checks that a policy follows on the one in effect, but for who signed it.
fn check_next(entry: &Entry<'_>, policy: &Policy) -> Result<CheckedPolicy, Reason> {
    let new = CheckedPolicy::new(policy.clone())?;
    let document = new.policy();
    let expected = entry.before.policy_version() + 1;
    if document.version != expected {
        return Err(Reason::PolicyVersion {
            expected,
            found: document.version,
        });
    }
    if document.prev != entry.before.policy_payload() {
        return Err(Reason::PolicyPrevious {
            version: expected - 1,
        });
    }
    let current = entry.before.checked_policy();
    if current.is_none() && entry.index > 0 {
        return Err(Reason::LateGenesis { entry: entry.index });
    }
    entry.check_position(&document.log)?;
    if let Some(current) = current {
        check_origin(current, &new)?;
    }
    Ok(new)
}

fn check_origin(current: &CheckedPolicy, new: &CheckedPolicy) -> Result<(), Reason> {
    let (expected, found) = (&current.policy().origin, &new.policy().origin);
    if expected == found {
        Ok(())
    } else {
        Err(Reason::Origin {
            expected: expected.clone(),
            found: found.clone(),
        })
    }
}

/// Checks that the root of the policy in effect signed a policy of a later version: a document that
/// cannot be read here, and that takes effect for those who can.
pub(super) fn check_later(entry: &Entry<'_>) -> Result<(), Reason> {
    let current = entry.before.checked_policy().ok_or(Reason::NoPolicy)?;
    check_root(entry, current)
}

/// Checks that enough root people of `policy` signed, with the keys that `policy` gives them.
fn check_root(entry: &Entry<'_>, policy: &CheckedPolicy) -> Result<(), Reason> {
    let signed = entry.signed_under(policy)?;
    let needed = policy.policy().root.threshold;
    signed
        .quorum(|owner| policy.is_root(owner), needed, || what(policy))
        .map(drop)
}
