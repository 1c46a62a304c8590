//! The check that every policy passes before it can be used.

use std::collections::BTreeSet;

use bulla_schemas::Name;
use bulla_schemas::log::Anchor;
use bulla_schemas::policy::Policy;

use super::{CheckedPolicy, EVERY, Owner, PolicyError};
use crate::key::PublicKey;
use crate::note::{NoteError, SignatureType, VerifierKey};

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
            return Err(PolicyError::Quorum {
                quorum: policy.witnesses.quorum,
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
