//! The first policy of a registry: who the people and the builders are, and which channels exist.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_registry_client::{Client, ClientError, FollowError, LogFollower};
use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::media_type;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::policy::{BuilderRule, ChannelRule, Person, Policy, Root, Witnesses};
use bulla_schemas::{ChannelName, Digest, Name};
use bulla_trust::envelope::SignedEnvelope;
use bulla_trust::key::PublicKey;
use bulla_trust::merkle;
use bulla_trust::note::{SignatureType, VerifierKey};
use bulla_trust::{LogState, statement};
use url::Url;

use crate::sign::{self, SignError};
use crate::ssh::PersonalKey;

/// What the first policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The log's name; permanent.
    pub origin: String,
    /// The registry's log key.
    pub log_key: VerifierKey,
    /// The people, who change the policy and move every channel.
    pub people: Vec<(Name, PublicKey)>,
    /// How many of them have to sign a change of the policy, and this one.
    pub threshold: u32,
    /// The builders; each may release every project.
    pub builders: Vec<(Name, PublicKey)>,
    /// The channels of every project.
    pub channels: Vec<NewChannel>,
}

/// A channel of every project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChannel {
    /// Its name.
    pub name: ChannelName,
    /// How many people have to sign to move it.
    pub threshold: u32,
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
                threshold: self.threshold,
            },
            builders: self
                .builders
                .iter()
                .map(|(name, key)| BuilderRule {
                    name: name.clone(),
                    key: key.to_openssh(),
                    builder_id: BuilderRule::usual_id(name),
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
                    channel: channel.name.to_string(),
                    people: vec![every()],
                    builders: Vec::new(),
                    threshold: channel.threshold,
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

/// Why a registry does not get its first policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// This machine follows a log of the registry already.
    #[error("this machine remembers the log `{origin}` of {url}")]
    Remembered {
        /// The log's name.
        origin: String,
        /// The registry.
        url: Url,
        /// Where it is remembered.
        directory: PathBuf,
    },
    /// The registry has a first policy.
    #[error("{url} has a first policy already, for the log `{origin}`")]
    Taken {
        /// The registry.
        url: Url,
        /// The log's name.
        origin: String,
    },
    /// The registry's log key cannot be used.
    #[error("the log key of {url} is not an Ed25519 key")]
    LogKey {
        /// The registry.
        url: Url,
    },
    /// Nobody signs it.
    #[error("the first policy has to be signed, and no key was given")]
    Unsigned,
    /// The policy cannot be signed, or would not take effect.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The registry does not take it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The new log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl Outcome for InitError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Remembered { .. } | Self::Taken { .. } | Self::LogKey { .. } => {
                FailureKind::Refused
            }
            Self::Unsigned => FailureKind::Usage,
            Self::Sign(error) => error.kind(),
            Self::Client(error) => error.kind(),
            Self::Follow(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Remembered { directory, .. } => Some(format!(
                "`bulla anchor` prints its anchor; if the registry was set up again, move `{}` away",
                directory.display()
            )),
            Self::Taken { .. } => {
                Some("ask the person who made it for the output of `bulla anchor`".to_owned())
            }
            Self::LogKey { .. } | Self::Unsigned => None,
            Self::Sign(error) => error.hint(),
            Self::Client(error) => error.hint(),
            Self::Follow(error) => error.hint(),
        }
    }
}

/// Asks the registry for its log key, after making sure that neither it nor `directory`, where its
/// log will be remembered, has a log already.
pub async fn prepare(
    client: &Client,
    directory: &Path,
    origin: &str,
) -> Result<VerifierKey, InitError> {
    let url = client.url();
    if let Some(log) = LogFollower::open(directory)? {
        return Err(InitError::Remembered {
            origin: log.origin().to_owned(),
            url: url.clone(),
            directory: directory.to_owned(),
        });
    }
    let info = client.log_info().await?;
    if let Some(origin) = info.origin {
        let url = url.clone();
        return Err(InitError::Taken { url, origin });
    }
    let public = STANDARD.decode(&info.log_key).ok();
    let public = public.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = public.and_then(|public| log_key(origin, &public));
    key.ok_or_else(|| InitError::LogKey { url: url.clone() })
}

/// Signs the first policy with the keys of as many people as it asks for, makes it entry 0 of the
/// registry's log, and follows that log from then on. Returns the anchor.
pub async fn init(
    client: &Client,
    directory: &Path,
    genesis: &Genesis,
    keys: &[PersonalKey],
) -> Result<Anchor, InitError> {
    let envelope = sign(&genesis.policy(), keys)?;
    let anchor = anchor(&genesis.origin, &envelope);
    client.append(&envelope.to_bytes()).await?;
    LogFollower::enroll(directory, client, Some(anchor.clone())).await?;
    Ok(anchor)
}

/// Takes the log key as the registry gives it, under the name that the log will have.
fn log_key(origin: &str, public: &[u8; 32]) -> Option<VerifierKey> {
    let key = PublicKey::from_bytes(public).ok()?;
    VerifierKey::new(origin, SignatureType::Note, key).ok()
}

/// Signs the first policy, after checking that it would take effect.
fn sign(policy: &Policy, keys: &[PersonalKey]) -> Result<SignedEnvelope, InitError> {
    let [key, others @ ..] = keys else {
        return Err(InitError::Unsigned);
    };
    let state = LogState::default();
    let signed = sign::by_person(&state, media_type::POLICY, policy, key, others)?;
    sign::require_effect(&state, &signed.envelope)?;
    Ok(signed.envelope)
}

/// Returns the anchor of a log whose only entry is this one.
fn anchor(origin: &str, first_entry: &SignedEnvelope) -> Anchor {
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
            threshold: 1,
            builders: vec![named("ci")],
            channels: [("dev", 1), ("prod", 2)]
                .map(|(channel, threshold)| NewChannel {
                    name: name(channel),
                    threshold,
                })
                .into(),
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
    fn a_first_policy_of_two_takes_effect_when_two_sign() {
        let mut genesis = genesis();
        genesis.threshold = 2;
        let policy = genesis.policy();
        let checked = CheckedPolicy::new(policy.clone()).unwrap();
        assert_eq!(checked.policy().root.threshold, 2);
        let payload = statement::to_payload(&policy);
        for (people, is_effective) in [(&["alice"][..], false), (&["alice", "bob"], true)] {
            let entry = testing::sign_as(people, media_type::POLICY, &payload);
            let (_, verdicts) = replay(LogState::default(), [entry.as_slice()]).unwrap();
            assert_eq!(verdicts == [Verdict::Effective], is_effective, "{people:?}");
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
