//! Whose keys the policies of a log ever named.

use std::collections::BTreeSet;

use bulla_schemas::Name;
use bulla_schemas::policy::Policy;
use bulla_trust::policy::Owner;
use bulla_trust::{LogState, PublicKey};

use super::error::AuditError;

/// Returns every key that a policy ever named as a person's or builder's.
pub fn keys_of(state: &LogState, name: &Name) -> Result<BTreeSet<String>, AuditError> {
    let (mut keys, mut known) = (BTreeSet::new(), BTreeSet::new());
    for version in state.policies() {
        for (key, owner) in owned(version.checked.policy()) {
            if owner == *name {
                keys.insert(key);
            }
            known.insert(owner);
        }
    }
    if keys.is_empty() {
        return Err(AuditError::Unknown {
            name: name.clone(),
            known: known.into_iter().collect(),
        });
    }
    Ok(keys)
}

/// Tells who has a key by the policy in effect, or had it last.
pub fn owner_of(state: &LogState, fingerprint: &str) -> Option<(Owner, bool)> {
    let mut versions = state.policies().rev();
    let find = |version: &bulla_trust::state::PolicyVersion| {
        let found = version.checked.key(fingerprint);
        found.map(|(owner, _)| owner.clone())
    };
    if let Some(owner) = versions.next().and_then(find) {
        return Some((owner, true));
    }
    versions.find_map(find).map(|owner| (owner, false))
}

/// Returns every key that a policy ever named, each once, with who had it.
pub(super) fn known_keys(state: &LogState) -> Vec<(String, Name)> {
    let mut known: Vec<(String, Name)> = Vec::new();
    for version in state.policies() {
        for key in owned(version.checked.policy()) {
            if !known.contains(&key) {
                known.push(key);
            }
        }
    }
    known
}

/// Returns the keys of the people and builders of a policy, by fingerprint, each with its owner.
fn owned(policy: &Policy) -> impl Iterator<Item = (String, Name)> {
    let people = policy.people.iter().map(|one| (&one.name, &one.keys[..]));
    let builders = policy.builders.iter();
    let builders = builders.map(|one| (&one.name, std::slice::from_ref(&one.key)));
    people.chain(builders).flat_map(|(owner, texts)| {
        let keys = texts
            .iter()
            .filter_map(|text| text.parse::<PublicKey>().ok());
        keys.map(|key| (key.fingerprint(), owner.clone()))
    })
}
