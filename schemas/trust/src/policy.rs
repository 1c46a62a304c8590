//! A policy that has been checked: every name is known, every key has one owner, every threshold
//! can be reached.
//!
//! Whether a policy takes effect at its place in the log is judged in `replay`.

use std::collections::HashMap;

use bulla_schemas::policy::{BuilderRule, ChannelRule, Policy};
use bulla_schemas::{ChannelName, Name, ProjectName};

use crate::key::PublicKey;
use crate::note::VerifierKey;

mod check;
mod error;

pub use error::PolicyError;

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

    /// Returns who has keys, once for each key.
    pub fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.keys.values().map(|(owner, _)| owner)
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
