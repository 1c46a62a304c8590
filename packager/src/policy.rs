//! The policy, and its changes: from the one in effect to the next, in words, signed by somebody who
//! may, in the log.

mod change;
mod error;
mod log_key;
mod movable;
pub mod rules;
mod witnesses;
mod words;

use std::time::Duration;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::media_type;
use bulla_schemas::policy::Policy;
use bulla_trust::policy::Owner;
use bulla_trust::{CheckedPolicy, LogState, statement};

use crate::propose::Sent;
use crate::ssh::PersonalKey;
use crate::{append, person, propose, sign};

pub use change::{Change, KeyName, RuleChange};
pub use error::{ChangeError, PolicyChangeError};
pub use log_key::LogKeyChange;
pub use rules::{Rules, RulesError};
pub use witnesses::WitnessChange;
pub use words::{describe, difference, place, root_change};

/// Returns the policy in effect.
pub fn in_effect(state: &LogState) -> Result<&Policy, PolicyChangeError> {
    state.policy().ok_or(PolicyChangeError::NoPolicy)
}

/// Returns the policy that comes next, after checking that all of it can be applied: every threshold
/// can be reached, every key has one owner.
pub fn next(state: &LogState, change: &Change) -> Result<Policy, PolicyChangeError> {
    let current = in_effect(state)?;
    let next = change.apply(current)?;
    for before in state.policies() {
        Change::require_fresh_names(current, before.checked.policy(), &next)?;
    }
    let next = statement::policy_after(state, next);
    Ok(CheckedPolicy::new(next)?.policy().clone())
}

/// Tells whether two policies say the same, whatever their places in the log.
pub fn is_same(one: &Policy, other: &Policy) -> bool {
    let placed = Policy {
        version: one.version,
        prev: one.prev,
        log: one.log,
        ..other.clone()
    };
    *one == placed
}

/// Checks that the person may change the policy, before they are asked to sign.
pub fn check_signer(state: &LogState, key: &PersonalKey) -> Result<(), PolicyChangeError> {
    let name = person::of_key(state, key)?;
    let is_root = |policy: &CheckedPolicy| policy.is_root(&Owner::Person(name.clone()));
    if state.checked_policy().is_some_and(is_root) {
        return Ok(());
    }
    let root = in_effect(state)?.root.people.clone();
    Err(PolicyChangeError::NotRoot { name, root })
}

/// Returns the key that signs besides the person's: the one that comes for it where it does not count
/// any more under the next policy, because the root of both signs.
pub fn second_signer<'a>(
    next: &Policy,
    key: &PersonalKey,
    coming: Option<&'a PersonalKey>,
) -> Result<Option<&'a PersonalKey>, PolicyChangeError> {
    let text = key.public.to_openssh();
    if next.people.iter().any(|person| person.keys.contains(&text)) {
        return Ok(None);
    }
    coming.map(Some).ok_or_else(|| PolicyChangeError::OwnKey {
        fingerprint: key.public.fingerprint(),
        root: next.root.people.clone(),
    })
}

/// Signs the next policy and appends it, and returns its entry in the verified log; or sends it to the
/// others who have to sign it, too.
pub async fn put_in_effect(
    client: &Client,
    log: &mut LogFollower,
    key: &PersonalKey,
    second: Option<&PersonalKey>,
    next: &Policy,
    expires: Option<Duration>,
) -> Result<Sent<u64>, PolicyChangeError> {
    let signed = sign::by_person(log.state(), media_type::POLICY, next, key, second)?;
    let before = log.state().size();
    if !signed.is_complete {
        let error = match propose::send(client, log.state(), &signed, expires).await {
            Ok(pending) => return Ok(Sent::Waiting(Box::new(pending))),
            Err(error) => error,
        };
        let state = log.sync(client).await?;
        let last = state.policies().next_back();
        return Err(match last.filter(|last| last.entry >= before) {
            Some(_) => PolicyChangeError::Overtaken,
            None => error.into(),
        });
    }
    let envelope = signed.envelope;
    let not_included = PolicyChangeError::NotIncluded;
    let (state, lost) = append::append(client, log, &envelope, not_included).await?;
    // Of two next policies only one follows on the one before.
    match state.policies().find(|version| version.entry >= before) {
        Some(first) if first.payload == envelope.payload() => Ok(Sent::Done(first.entry)),
        Some(_) => Err(PolicyChangeError::Overtaken),
        None => Err(lost),
    }
}

#[cfg(test)]
mod tests;
