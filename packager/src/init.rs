//! The first policy of a registry: who the people and the builders are, and which channels exist.

use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::media_type;
use bulla_schemas::policy::{BuilderRule, ChannelRule, Person, Policy, Root, Witnesses};
use bulla_schemas::{ChannelName, Digest, Name};
use bulla_trust::envelope::SignedEnvelope;
use bulla_trust::key::PublicKey;
use bulla_trust::merkle;
use bulla_trust::note::{SignatureType, VerifierKey};
use bulla_trust::{LogState, statement};

use crate::sign::{self, SignError};
use crate::ssh::PersonalKey;

/// What the first policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The log's name, the same for ever.
    pub origin: String,
    /// The registry's log key.
    pub log_key: VerifierKey,
    /// The people; each may change the policy and move every channel.
    pub people: Vec<(Name, PublicKey)>,
    /// The builders; each may release every project.
    pub builders: Vec<(Name, PublicKey)>,
    /// The channels of every project.
    pub channels: Vec<ChannelName>,
}

impl Genesis {
    /// Returns the policy. A later one may narrow what this one leaves wide.
    pub fn policy(&self) -> Policy {
        let every = || "*".to_owned();
        let policy = Policy {
            version: 1,
            prev: Digest::from_bytes([0; 32]),
            origin: self.origin.clone(),
            log: LogPosition {
                size: 0,
                root: merkle::empty_root(),
            },
            people: self
                .people
                .iter()
                .map(|(name, key)| Person {
                    name: name.clone(),
                    keys: vec![key.to_openssh()],
                })
                .collect(),
            root: Root {
                people: self.people.iter().map(|(name, _)| name.clone()).collect(),
                threshold: 1,
            },
            builders: self
                .builders
                .iter()
                .map(|(name, key)| BuilderRule {
                    name: name.clone(),
                    key: key.to_openssh(),
                    builder_id: format!("urn:bulla:builder:{name}"),
                    projects: vec![every()],
                    sources: vec![every()],
                    refs: vec![every()],
                })
                .collect(),
            channels: self
                .channels
                .iter()
                .map(|channel| ChannelRule {
                    project: every(),
                    channel: channel.to_string(),
                    people: vec![every()],
                    builders: Vec::new(),
                    threshold: 1,
                    via: None,
                    max_age: None,
                })
                .collect(),
            log_keys: vec![self.log_key.to_string()],
            witnesses: Witnesses {
                keys: Vec::new(),
                quorum: 0,
            },
        };
        statement::policy_after(&LogState::default(), policy)
    }
}

/// Takes the log key as the registry gives it, under the name that the log will have.
pub fn log_key(origin: &str, public: &[u8; 32]) -> Option<VerifierKey> {
    let key = PublicKey::from_bytes(public).ok()?;
    VerifierKey::new(origin, SignatureType::Note, key).ok()
}

/// Signs the first policy, after checking that it would take effect.
pub fn sign(policy: &Policy, key: &PersonalKey) -> Result<SignedEnvelope, SignError> {
    let payload = statement::to_payload(policy);
    let envelope = sign::by_person(media_type::POLICY, &payload, key)?;
    sign::require_effect(&LogState::default(), &envelope)?;
    Ok(envelope)
}

/// Returns the anchor of a log whose only entry is this one.
pub fn anchor(origin: &str, first_entry: &SignedEnvelope) -> Anchor {
    Anchor {
        origin: origin.to_owned(),
        position: LogPosition {
            size: 1,
            root: merkle::leaf_hash(&first_entry.to_bytes()),
        },
    }
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{self, key, name};
    use bulla_trust::{CheckedPolicy, Verdict, replay};

    use super::*;

    fn genesis() -> Genesis {
        let named = |text: &str| (name(text), key(text).public_key());
        Genesis {
            origin: testing::ORIGIN.to_owned(),
            log_key: log_key(testing::ORIGIN, testing::log_key().public_key().as_bytes()).unwrap(),
            people: vec![named("alice"), named("bob")],
            builders: vec![named("ci")],
            channels: vec![name("dev"), name("prod")],
        }
    }

    #[test]
    fn the_first_policy_takes_effect_when_one_of_its_people_signs() {
        let policy = genesis().policy();
        CheckedPolicy::new(policy.clone()).unwrap();
        let payload = statement::to_payload(&policy);
        for (person, is_effective) in [("alice", true), ("bob", true), ("ci", false)] {
            let entry = testing::sign_as(&[person], media_type::POLICY, &payload);
            let (_, verdicts) = replay(LogState::default(), [entry.as_slice()]).unwrap();
            assert_eq!(verdicts == [Verdict::Effective], is_effective, "{person}");
        }
    }

    #[test]
    fn the_anchor_is_the_one_of_the_replayed_log() {
        let payload = statement::to_payload(&genesis().policy());
        let entry = testing::sign_as(&["alice"], media_type::POLICY, &payload);
        let (state, _) = replay(LogState::default(), [entry.as_slice()]).unwrap();
        let envelope = SignedEnvelope::from_bytes(&entry).unwrap();
        assert_eq!(Some(anchor(testing::ORIGIN, &envelope)), state.anchor());
    }
}
