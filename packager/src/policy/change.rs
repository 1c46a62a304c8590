//! One change of a policy, as a person asks for it.

use bulla_schemas::line::list;
use bulla_schemas::policy::{BuilderRule, ChannelRule, Person, Policy};
use bulla_schemas::{ChannelName, Name};
use bulla_trust::key::PublicKey;

use super::error::ChangeError;
use super::log_key::LogKeyChange;
use super::movable::{self, covers, position};
use super::rules::Rules;
use super::witnesses::WitnessChange;

/// A key of somebody, as a person names it: the key itself, or its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyName {
    /// The key, from a file.
    Key(PublicKey),
    /// `SHA256:…`
    Fingerprint(String),
}

impl KeyName {
    /// Returns the fingerprint.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(fingerprint) => fingerprint.clone(),
        }
    }
}

/// What is to be different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Somebody new, who may do what is everybody's.
    AddPerson {
        /// The name; permanent, because the log keeps it.
        name: Name,
        /// Their key.
        key: PublicKey,
        /// Whether they may change the policy.
        is_root: bool,
    },
    /// Somebody goes, with all keys and rights.
    RemovePerson {
        /// The name.
        name: Name,
    },
    /// One more key of a person.
    AddKey {
        /// The person.
        person: Name,
        /// The key.
        key: PublicKey,
    },
    /// A person's key goes, such as one that was lost.
    RemoveKey {
        /// The person.
        person: Name,
        /// The key.
        key: KeyName,
    },
    /// A key in place of another one of a person or a builder.
    RotateKey {
        /// The person or builder.
        owner: Name,
        /// The key that goes; it can be left out where there is only one.
        from: Option<KeyName>,
        /// The key that comes.
        to: PublicKey,
    },
    /// A new builder.
    AddBuilder(BuilderRule),
    /// A builder goes; what it has released stays.
    RemoveBuilder {
        /// The name.
        name: Name,
    },
    /// A rule for a channel that no rule is exactly for.
    AddChannel(ChannelRule),
    /// Another rule for the projects and channels of one that is there; what is not said stays.
    ChangeChannel(RuleChange),
    /// So many people of the root change the policy.
    RootThreshold(u32),
    /// A rule goes.
    RemoveChannel {
        /// Its projects.
        project: String,
        /// Its channels.
        channel: String,
    },
    /// Others cosign, or another number of them.
    Witnesses(WitnessChange),
    /// Another key signs the log.
    LogKey(LogKeyChange),
    /// Everything that people edit, as somebody typed it.
    Replace(Rules),
}

/// What is to be different of a rule; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    /// Its projects.
    pub project: String,
    /// Its channels.
    pub channel: String,
    /// Who may.
    pub people: Option<Vec<String>>,
    /// How many of them have to sign.
    pub threshold: Option<u32>,
    /// The channel that a release must have been on before, or none.
    pub via: Option<Option<ChannelName>>,
    /// How old a log may be, in seconds, or as old as it likes.
    pub max_age: Option<Option<u64>>,
}

impl Change {
    /// Returns the policy with the change, in which people can move every channel that they could move
    /// before. Whether all of it can be applied is not checked here.
    pub fn apply(&self, policy: &Policy) -> Result<Policy, ChangeError> {
        let mut next = policy.clone();
        match self {
            Self::AddPerson { name, key, is_root } => add_person(&mut next, name, key, *is_root)?,
            Self::RemovePerson { name } => remove_person(&mut next, name)?,
            Self::AddKey { person, key } => {
                let text = key.to_openssh();
                require_new_key(policy, &text)?;
                person_mut(&mut next, person)?.keys.push(text);
            }
            Self::RemoveKey { person, key } => remove_key(&mut next, person, key)?,
            Self::RotateKey { owner, from, to } => rotate(&mut next, owner, from.as_ref(), to)?,
            Self::AddBuilder(rule) => {
                require_new_name(policy, &rule.name)?;
                require_new_key(policy, &rule.key)?;
                next.builders.push(rule.clone());
            }
            Self::RemoveBuilder { name } => remove_builder(&mut next, name)?,
            Self::AddChannel(rule) => add_channel(&mut next, rule)?,
            Self::ChangeChannel(change) => change_channel(&mut next, change)?,
            Self::RootThreshold(threshold) => next.root.threshold = *threshold,
            Self::RemoveChannel { project, channel } => {
                let place = position(&next, project, channel);
                let place = place.ok_or_else(|| unknown_channel(policy, project, channel))?;
                next.channels.remove(place);
            }
            Self::Witnesses(change) => change.apply(&mut next)?,
            Self::LogKey(change) => change.apply(&mut next)?,
            Self::Replace(rules) => {
                if rules.version != policy.version {
                    return Err(ChangeError::OtherVersion {
                        taken_from: rules.version,
                        in_effect: policy.version,
                    });
                }
                rules.apply(&mut next);
            }
        }
        movable::require(policy, &next)?;
        Ok(next)
    }

    /// Refuses a name that somebody else had before: the log shows who signed by name only. With a key
    /// of then it is the same person or builder, who comes back. `next` is the policy that comes.
    pub(super) fn require_fresh_names(
        current: &Policy,
        before: &Policy,
        next: &Policy,
    ) -> Result<(), ChangeError> {
        let known = names(current);
        let people = next.people.iter().map(|one| (&one.name, &one.keys[..]));
        let builders = next.builders.iter();
        let builders = builders.map(|one| (&one.name, std::slice::from_ref(&one.key)));
        let mut new = people
            .chain(builders)
            .filter(|(name, _)| !known.contains(name));
        new.try_for_each(|(name, keys)| Self::require_fresh_name(before, name, keys))
    }

    fn require_fresh_name(
        before: &Policy,
        name: &Name,
        keys: &[String],
    ) -> Result<(), ChangeError> {
        let people = before.people.iter().filter(|person| person.name == *name);
        let builders = before.builders.iter().filter(|one| one.name == *name);
        let mut had = people
            .flat_map(|person| &person.keys)
            .chain(builders.map(|builder| &builder.key))
            .peekable();
        if had.peek().is_some() && !had.any(|one| keys.contains(one)) {
            return Err(ChangeError::FormerName { name: name.clone() });
        }
        Ok(())
    }
}

fn add_person(
    policy: &mut Policy,
    name: &Name,
    key: &PublicKey,
    is_root: bool,
) -> Result<(), ChangeError> {
    let key = key.to_openssh();
    require_new_name(policy, name)?;
    require_new_key(policy, &key)?;
    policy.people.push(Person {
        name: name.clone(),
        keys: vec![key],
    });
    if is_root {
        policy.root.people.push(name.clone());
    }
    Ok(())
}

fn remove_person(policy: &mut Policy, name: &Name) -> Result<(), ChangeError> {
    person_mut(policy, name)?;
    policy.people.retain(|person| person.name != *name);
    policy.root.people.retain(|person| person != name);
    for rule in &mut policy.channels {
        rule.people.retain(|person| person != name.as_str());
    }
    Ok(())
}

fn remove_key(policy: &mut Policy, person: &Name, key: &KeyName) -> Result<(), ChangeError> {
    let keys = &mut person_mut(policy, person)?.keys;
    let place = key_of(keys, person, key)?;
    if keys.len() == 1 {
        return Err(ChangeError::LastKey {
            person: person.clone(),
        });
    }
    keys.remove(place);
    Ok(())
}

fn rotate(
    policy: &mut Policy,
    owner: &Name,
    from: Option<&KeyName>,
    to: &PublicKey,
) -> Result<(), ChangeError> {
    let to = to.to_openssh();
    require_new_key(policy, &to)?;
    if let Some(builder) = policy.builders.iter_mut().find(|one| one.name == *owner) {
        if let Some(from) = from {
            key_of(std::slice::from_ref(&builder.key), owner, from)?;
        }
        builder.key = to;
        return Ok(());
    }
    if !names(policy).contains(&owner) {
        return Err(ChangeError::UnknownOwner {
            name: owner.clone(),
            known: list(names(policy)),
        });
    }
    let keys = &mut person_mut(policy, owner)?.keys;
    let place = match (from, keys.len()) {
        (Some(from), _) => key_of(keys, owner, from)?,
        (None, 1) => 0,
        (None, _) => {
            return Err(ChangeError::SeveralKeys {
                owner: owner.clone(),
                keys: keys.iter().map(|key| fingerprint(key)).collect(),
            });
        }
    };
    keys[place] = to;
    Ok(())
}

fn remove_builder(policy: &mut Policy, name: &Name) -> Result<(), ChangeError> {
    if !policy.builders.iter().any(|builder| builder.name == *name) {
        return Err(ChangeError::UnknownBuilder {
            name: name.clone(),
            known: list(policy.builders.iter().map(|builder| &builder.name)),
        });
    }
    policy.builders.retain(|builder| builder.name != *name);
    for rule in &mut policy.channels {
        rule.builders.retain(|builder| builder != name);
    }
    Ok(())
}

/// Puts a rule before the first that is for its channels, too: the first that matches decides.
fn add_channel(policy: &mut Policy, rule: &ChannelRule) -> Result<(), ChangeError> {
    let (project, channel) = (&rule.project, &rule.channel);
    if position(policy, project, channel).is_some() {
        return Err(ChangeError::KnownChannel {
            project: project.clone(),
            channel: channel.clone(),
        });
    }
    let mut channels = policy.channels.iter();
    let place = channels.position(|one| covers(one, project, channel));
    let place = place.unwrap_or(policy.channels.len());
    policy.channels.insert(place, rule.clone());
    Ok(())
}

fn change_channel(policy: &mut Policy, change: &RuleChange) -> Result<(), ChangeError> {
    let place = position(policy, &change.project, &change.channel);
    let place = place.ok_or_else(|| unknown_channel(policy, &change.project, &change.channel))?;
    let rule = &mut policy.channels[place];
    if let Some(people) = &change.people {
        rule.people.clone_from(people);
    }
    if let Some(threshold) = change.threshold {
        rule.threshold = threshold;
    }
    if let Some(via) = &change.via {
        rule.via.clone_from(via);
    }
    if let Some(max_age) = change.max_age {
        rule.max_age = max_age;
    }
    Ok(())
}

fn unknown_channel(policy: &Policy, project: &str, channel: &str) -> ChangeError {
    let rules = policy.channels.iter();
    ChangeError::UnknownChannel {
        project: project.to_owned(),
        channel: channel.to_owned(),
        known: list(rules.map(|rule| format!("{} of {}", rule.channel, rule.project))),
    }
}

fn person_mut<'a>(policy: &'a mut Policy, name: &Name) -> Result<&'a mut Person, ChangeError> {
    let known = list(policy.people.iter().map(|person| &person.name));
    let mut people = policy.people.iter_mut();
    people
        .find(|person| person.name == *name)
        .ok_or_else(|| ChangeError::UnknownPerson {
            name: name.clone(),
            known,
        })
}

/// The people, then the builders.
fn names(policy: &Policy) -> Vec<&Name> {
    let people = policy.people.iter().map(|person| &person.name);
    let builders = policy.builders.iter().map(|builder| &builder.name);
    people.chain(builders).collect()
}

fn require_new_name(policy: &Policy, name: &Name) -> Result<(), ChangeError> {
    if names(policy).contains(&name) {
        return Err(ChangeError::TakenName { name: name.clone() });
    }
    Ok(())
}

fn require_new_key(policy: &Policy, key: &str) -> Result<(), ChangeError> {
    let people = policy.people.iter();
    let of_people = people.flat_map(|person| person.keys.iter().map(|key| (&person.name, key)));
    let of_builders = policy.builders.iter().map(|one| (&one.name, &one.key));
    match of_people
        .chain(of_builders)
        .find(|(_, taken)| *taken == key)
    {
        Some((owner, _)) => Err(ChangeError::TakenKey {
            fingerprint: fingerprint(key),
            owner: owner.clone(),
        }),
        None => Ok(()),
    }
}

fn key_of(keys: &[String], owner: &Name, named: &KeyName) -> Result<usize, ChangeError> {
    let wanted = named.fingerprint();
    let place = keys.iter().position(|key| fingerprint(key) == wanted);
    place.ok_or_else(|| ChangeError::UnknownKey {
        owner: owner.clone(),
        fingerprint: wanted,
        known: list(keys.iter().map(|key| fingerprint(key))),
    })
}

/// The fingerprint of a key of the policy; its text where it is none, which no policy in effect has.
pub(super) fn fingerprint(key: &str) -> String {
    key.parse::<PublicKey>()
        .map_or_else(|_| key.to_owned(), |key| key.fingerprint())
}
