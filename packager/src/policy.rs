//! The policy, and its changes: from the one in effect to the next, in words, signed by somebody who
//! may, in the log.

mod change;
mod error;
mod words;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::media_type;
use bulla_schemas::policy::Policy;
use bulla_trust::policy::Owner;
use bulla_trust::{CheckedPolicy, LogState, statement};

use crate::ssh::PersonalKey;
use crate::{person, sign};

pub use change::{Change, KeyName};
pub use error::{ChangeError, PolicyChangeError};
pub use words::{describe, difference};

/// Returns the policy in effect.
pub fn in_effect(state: &LogState) -> Result<&Policy, PolicyChangeError> {
    state.policy().ok_or(PolicyChangeError::NoPolicy)
}

/// Returns the policy that comes next, after checking that all of it can be applied: every threshold
/// can be reached, every key has one owner.
pub fn next(state: &LogState, change: &Change) -> Result<Policy, PolicyChangeError> {
    let next = change.apply(in_effect(state)?)?;
    for before in state.policies() {
        change.require_fresh_name(before.checked.policy())?;
    }
    let next = statement::policy_after(state, next);
    Ok(CheckedPolicy::new(next)?.policy().clone())
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

/// Returns the keys that sign: the person's, and the one that comes for it where it does not count any
/// more under the next policy, because the root of both signs.
pub fn signers<'a>(
    next: &Policy,
    key: &'a PersonalKey,
    coming: Option<&'a PersonalKey>,
) -> Result<Vec<&'a PersonalKey>, PolicyChangeError> {
    let text = key.public.to_openssh();
    if next.people.iter().any(|person| person.keys.contains(&text)) {
        return Ok(vec![key]);
    }
    match coming {
        Some(coming) => Ok(vec![key, coming]),
        None => Err(PolicyChangeError::OwnKey {
            fingerprint: key.public.fingerprint(),
            root: next.root.people.clone(),
        }),
    }
}

/// Signs the next policy with all of the keys and appends it, and returns its entry in the verified log.
///
/// Whatever the registry answers, or if its answer is lost: only the log tells what happened.
pub async fn put_in_effect(
    client: &Client,
    log: &mut LogFollower,
    keys: &[&PersonalKey],
    next: &Policy,
) -> Result<u64, PolicyChangeError> {
    let payload = statement::to_payload(next);
    let envelope = sign::by_people(media_type::POLICY, &payload, keys)?;
    sign::require_effect(log.state(), &envelope)?;
    let before = log.state().size();
    let appended = client.append(&envelope.to_bytes()).await;
    let state = match (log.sync(client).await, &appended) {
        (Ok(state), _) => state,
        (Err(error), Ok(_)) => return Err(error.into()),
        // The registry went away: what it was asked to do is the better thing to name.
        (Err(_), Err(_)) => {
            return Err(appended.map_or_else(Into::into, |_| PolicyChangeError::NotIncluded));
        }
    };
    // Of two next policies only one follows on the one before.
    match state.policies().find(|version| version.entry >= before) {
        Some(first) if first.payload == payload => Ok(first.entry),
        Some(_) => Err(PolicyChangeError::Overtaken),
        None => Err(appended.map_or_else(Into::into, |_| PolicyChangeError::NotIncluded)),
    }
}

#[cfg(test)]
mod tests;
