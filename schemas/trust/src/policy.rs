//! A policy that has been checked: every name is known, every key has one owner, every threshold
//! can be reached.
//!
//! Whether a policy takes effect at its place in the log is judged in `replay`.

use std::collections::{BTreeSet, HashMap};

use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::policy::{BuilderRule, ChannelRule, Policy};
use bulla_schemas::{ChannelName, Name, ProjectName};

use crate::key::{KeyError, PublicKey};
use crate::note::{NoteError, SignatureType, VerifierKey};

/// In a channel rule's people: everybody in the policy. In a pattern: whatever follows.
const EVERY: &str = "*";

/// Who owns a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A person; signs with SSH signatures.
    Person(Name),
    /// A builder; signs with raw Ed25519.
    Builder(Name),
}

impl Owner {
    /// Returns the name.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Person(name) | Self::Builder(name) => name,
        }
    }
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Versions count from 1.
    #[error("a policy's version is at least 1")]
    Version,
    /// Not a name for a log.
    #[error("{found:?} cannot name a log: expected 1 to 255 characters without spaces and `+`")]
    Origin {
        /// What stood there.
        found: String,
    },
    /// A name that stands twice where it may stand once.
    #[error("`{name}` stands twice in {place}")]
    Twice {
        /// The name.
        name: String,
        /// The part of the policy.
        place: &'static str,
    },
    /// A name that nobody has.
    #[error("`{name}` in {place} is not defined")]
    Unknown {
        /// The name.
        name: String,
        /// The part of the policy.
        place: &'static str,
    },
    /// A person without a key.
    #[error("`{name}` has no key")]
    NoKey {
        /// The person.
        name: Name,
    },
    /// A key that is not acceptable.
    #[error("a key of `{name}` is not acceptable: {source}")]
    Key {
        /// The owner.
        name: Name,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A key with a comment, or with other spaces.
    #[error("a key of `{name}` is not written as its type, one space and base64")]
    KeyText {
        /// The owner.
        name: Name,
    },
    /// A security key, which needs a person's touch.
    #[error("the key of the builder `{name}` is a security key, which only people can use")]
    BuilderKey {
        /// The builder.
        name: Name,
    },
    /// One key for two jobs.
    #[error("the key {fingerprint} stands twice; a key has one owner and one purpose")]
    SharedKey {
        /// The key.
        fingerprint: String,
    },
    /// A verifier key that is not acceptable.
    #[error("`{text}` in {place} is not acceptable: {source}")]
    VerifierKey {
        /// The key.
        text: String,
        /// The part of the policy.
        place: &'static str,
        /// What is wrong with it.
        source: NoteError,
    },
    /// A log key under another name than the log's.
    #[error("expected the log's keys to be named `{expected}`, found `{found}`")]
    LogKeyName {
        /// The origin.
        expected: String,
        /// The key's name.
        found: String,
    },
    /// Nobody could sign checkpoints.
    #[error("the policy has no log key")]
    NoLogKey,
    /// A number of signers that is zero or cannot be reached.
    #[error("{place} needs {threshold} signers and names {available}")]
    Threshold {
        /// The part of the policy.
        place: String,
        /// How many must sign.
        threshold: u32,
        /// How many could.
        available: usize,
    },
    /// A `*` that is not at the end.
    #[error("`{pattern}` is not a pattern: `*` may only stand at the end")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// Statements could not name the builder.
    #[error("the builder `{name}` has an empty `builderId`")]
    BuilderId {
        /// The builder.
        name: Name,
    },
}

impl PolicyError {
    /// Tells how a program that stops here ends.
    pub const fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    /// Says what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Key { source, .. } => source.hint(),
            Self::SharedKey { .. } => Some("make a key of its own for each purpose".to_owned()),
            _ => None,
        }
    }
}

/// A policy whose every rule can be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPolicy {
    policy: Policy,
    /// By fingerprint.
    keys: HashMap<String, (Owner, PublicKey)>,
    log_keys: Vec<VerifierKey>,
    witness_keys: Vec<VerifierKey>,
}

impl CheckedPolicy {
    /// Checks everything that can be known without the log.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        if policy.version == 0 {
            return Err(PolicyError::Version);
        }
        if !Anchor::is_origin(&policy.origin) {
            return Err(PolicyError::Origin {
                found: policy.origin.chars().take(120).collect(),
            });
        }
        let names = check_names(&policy)?;
        check_rules(&policy, &names)?;
        let keys = owned_keys(&policy)?;
        let log_keys = verifier_keys(&policy.log_keys, SignatureType::Note, "`logKeys`")?;
        let witness_keys = verifier_keys(
            &policy.witnesses.keys,
            SignatureType::Cosignature,
            "`witnesses`",
        )?;
        if log_keys.is_empty() {
            return Err(PolicyError::NoLogKey);
        }
        if let Some(key) = log_keys.iter().find(|key| key.name() != policy.origin) {
            return Err(PolicyError::LogKeyName {
                expected: policy.origin.clone(),
                found: key.name().to_owned(),
            });
        }
        distinct(witness_keys.iter().map(VerifierKey::name), "`witnesses`")?;
        if policy.witnesses.quorum as usize > witness_keys.len() {
            return Err(PolicyError::Threshold {
                place: "the quorum of `witnesses`".to_owned(),
                threshold: policy.witnesses.quorum,
                available: witness_keys.len(),
            });
        }
        // One point of the curve has one owner and one purpose, whatever is wrapped around it.
        let mut points = BTreeSet::new();
        let all = keys.iter().map(|(_, key)| key);
        let verifiers = log_keys.iter().chain(&witness_keys).map(VerifierKey::key);
        if let Some(key) = all
            .chain(verifiers)
            .find(|key| !points.insert(*key.as_bytes()))
        {
            return Err(PolicyError::SharedKey {
                fingerprint: key.fingerprint(),
            });
        }
        Ok(Self {
            keys: keys
                .into_iter()
                .map(|(owner, key)| (key.fingerprint(), (owner, key)))
                .collect(),
            policy,
            log_keys,
            witness_keys,
        })
    }

    /// Returns the document.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the keys that sign checkpoints.
    pub fn log_keys(&self) -> &[VerifierKey] {
        &self.log_keys
    }

    /// Returns the keys that cosign checkpoints.
    pub fn witness_keys(&self) -> &[VerifierKey] {
        &self.witness_keys
    }

    /// Returns the key with this fingerprint, and whose it is.
    pub fn key(&self, fingerprint: &str) -> Option<&(Owner, PublicKey)> {
        self.keys.get(fingerprint)
    }

    /// Returns the rule for a channel: the first that matches.
    pub fn channel_rule(
        &self,
        project: &ProjectName,
        channel: &ChannelName,
    ) -> Option<&ChannelRule> {
        self.policy.channels.iter().find(|rule| {
            matches(&rule.project, project.as_str()) && matches(&rule.channel, channel.as_str())
        })
    }

    /// Returns what a builder may release.
    pub fn builder(&self, name: &Name) -> Option<&BuilderRule> {
        self.policy.builders.iter().find(|rule| rule.name == *name)
    }

    /// Tells whether an owner may sign for a channel under `rule`.
    pub fn may_promote(&self, rule: &ChannelRule, owner: &Owner) -> bool {
        match owner {
            Owner::Person(name) => is_listed(&rule.people, name),
            Owner::Builder(name) => rule.builders.contains(name),
        }
    }

    /// Tells whether a person may revoke bundles of a project: anybody of the root, and anybody
    /// who may sign for one of its channels.
    pub fn may_revoke(&self, project: &ProjectName, owner: &Owner) -> bool {
        let Owner::Person(name) = owner else {
            return false;
        };
        self.is_root(owner)
            || self.policy.channels.iter().any(|rule| {
                matches(&rule.project, project.as_str()) && is_listed(&rule.people, name)
            })
    }

    /// Tells whether an owner is a person of the root.
    pub fn is_root(&self, owner: &Owner) -> bool {
        matches!(owner, Owner::Person(name) if self.policy.root.people.contains(name))
    }
}

/// Tells whether `text` fits `pattern`, which may end in `*`.
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix(EVERY) {
        Some(prefix) => text.starts_with(prefix),
        None => text == pattern,
    }
}

fn is_listed(people: &[String], name: &Name) -> bool {
    people
        .iter()
        .any(|person| person == EVERY || person == name.as_str())
}

/// The names that the policy defines.
struct Names<'a> {
    people: BTreeSet<&'a str>,
    builders: BTreeSet<&'a str>,
}

fn check_names(policy: &Policy) -> Result<Names<'_>, PolicyError> {
    let people = distinct(
        policy.people.iter().map(|person| person.name.as_str()),
        "`people`",
    )?;
    let builders = distinct(
        policy.builders.iter().map(|builder| builder.name.as_str()),
        "`builders`",
    )?;
    // History shows signers by name only.
    match people.intersection(&builders).next() {
        None => Ok(Names { people, builders }),
        Some(name) => Err(PolicyError::Twice {
            name: (*name).to_owned(),
            place: "`people` and `builders`",
        }),
    }
}

fn check_rules(policy: &Policy, names: &Names<'_>) -> Result<(), PolicyError> {
    let root = distinct(policy.root.people.iter().map(Name::as_str), "`root`")?;
    known(&root, &names.people, "`root`")?;
    reachable("`root`", policy.root.threshold, root.len())?;
    for builder in &policy.builders {
        if builder.builder_id.is_empty() {
            return Err(PolicyError::BuilderId {
                name: builder.name.clone(),
            });
        }
        let lists = [&builder.projects, &builder.sources, &builder.refs];
        lists
            .into_iter()
            .flatten()
            .try_for_each(|p| check_pattern(p))?;
    }
    for rule in &policy.channels {
        check_pattern(&rule.project)?;
        check_pattern(&rule.channel)?;
        let people = distinct(rule.people.iter().map(String::as_str), "`channels`")?;
        let builders = distinct(rule.builders.iter().map(Name::as_str), "`channels`")?;
        let everybody = people.contains(EVERY);
        let persons = people.into_iter().filter(|name| *name != EVERY).collect();
        known(&persons, &names.people, "`channels`")?;
        known(&builders, &names.builders, "`channels`")?;
        let people = if everybody {
            names.people.len()
        } else {
            persons.len()
        };
        reachable(
            &format!("the channel `{}` of `{}`", rule.channel, rule.project),
            rule.threshold,
            people + builders.len(),
        )?;
    }
    Ok(())
}

fn owned_keys(policy: &Policy) -> Result<Vec<(Owner, PublicKey)>, PolicyError> {
    let mut keys = Vec::new();
    for person in &policy.people {
        if person.keys.is_empty() {
            return Err(PolicyError::NoKey {
                name: person.name.clone(),
            });
        }
        for text in &person.keys {
            let key = parse_key(&person.name, text)?;
            keys.push((Owner::Person(person.name.clone()), key));
        }
    }
    for builder in &policy.builders {
        let key = parse_key(&builder.name, &builder.key)?;
        if key.is_security_key() {
            return Err(PolicyError::BuilderKey {
                name: builder.name.clone(),
            });
        }
        keys.push((Owner::Builder(builder.name.clone()), key));
    }
    Ok(keys)
}

fn parse_key(name: &Name, text: &str) -> Result<PublicKey, PolicyError> {
    let key: PublicKey = text.parse().map_err(|source| PolicyError::Key {
        name: name.clone(),
        source,
    })?;
    if key.to_openssh() == text {
        Ok(key)
    } else {
        Err(PolicyError::KeyText { name: name.clone() })
    }
}

fn verifier_keys(
    texts: &[String],
    signature_type: SignatureType,
    place: &'static str,
) -> Result<Vec<VerifierKey>, PolicyError> {
    let parse = |text: &String| {
        let key: VerifierKey = text.parse()?;
        if key.signature_type() == signature_type {
            Ok(key)
        } else {
            Err(NoteError::KeyType {
                expected: signature_type.byte(),
                found: key.signature_type().byte(),
            })
        }
    };
    texts
        .iter()
        .map(|text| {
            parse(text).map_err(|source| PolicyError::VerifierKey {
                text: text.chars().take(160).collect(),
                place,
                source,
            })
        })
        .collect()
}

fn distinct<'a>(
    names: impl Iterator<Item = &'a str>,
    place: &'static str,
) -> Result<BTreeSet<&'a str>, PolicyError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(PolicyError::Twice {
                name: name.to_owned(),
                place,
            });
        }
    }
    Ok(seen)
}

fn known(
    names: &BTreeSet<&str>,
    defined: &BTreeSet<&str>,
    place: &'static str,
) -> Result<(), PolicyError> {
    match names.difference(defined).next() {
        None => Ok(()),
        Some(name) => Err(PolicyError::Unknown {
            name: (*name).to_owned(),
            place,
        }),
    }
}

fn reachable(place: &str, threshold: u32, available: usize) -> Result<(), PolicyError> {
    if (1..=available).contains(&(threshold as usize)) {
        Ok(())
    } else {
        Err(PolicyError::Threshold {
            place: place.to_owned(),
            threshold,
            available,
        })
    }
}

fn check_pattern(pattern: &str) -> Result<(), PolicyError> {
    match pattern.find(EVERY) {
        Some(at) if at + 1 != pattern.len() => Err(PolicyError::Pattern {
            pattern: pattern.to_owned(),
        }),
        _ => Ok(()),
    }
}
