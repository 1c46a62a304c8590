//! What the entries of a log brought: policies, releases, promotions and the heads that they moved,
//! revocations.

use std::collections::BTreeSet;

use bulla_schemas::statement::{Action, Build, Severity, Wave, Waves};
use bulla_schemas::{ChannelName, Digest, Name, ProjectName, Timestamp};

use crate::policy::CheckedPolicy;

/// A policy that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The entry of the log.
    pub entry: u64,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// What they say.
    pub checked: CheckedPolicy,
}

/// What a channel points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The project.
    pub project: ProjectName,
    /// The channel.
    pub channel: ChannelName,
    /// The bundle.
    pub hash: Digest,
    /// Bytes of the bundle's manifest and all blobs it names.
    pub size: u64,
    /// The number of the promotion that it came by.
    pub seq: u64,
    /// The entry of that promotion in the log.
    pub entry: u64,
    /// What that promotion did.
    pub action: Action,
    /// The people and builders who signed it.
    pub people: Vec<Name>,
    /// Why, in their words.
    pub reason: String,
    /// When, as they say.
    pub issued_at: Timestamp,
    /// In which steps it reaches the servers.
    pub rollout: Rollout,
    /// The number of the channel's last promotion: this one's, or that of a later widening.
    pub last_seq: u64,
    /// The sha256 of that last promotion's payload, the next one's `prev`.
    pub payload: Digest,
}

/// In which steps a head reaches the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// When the waves after the first may go; `None` when all servers go at once.
    pub waves: Option<Waves>,
    /// The last wave that people let go: the first, until they widen it.
    pub open: Wave,
    /// Whether servers go past their maintenance windows.
    pub urgent: bool,
}

/// A promotion that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The entry of the log.
    pub entry: u64,
    /// The channel.
    pub channel: ChannelName,
    /// Its number in the channel.
    pub seq: u64,
    /// What it did.
    pub action: Action,
    /// The bundle.
    pub hash: Digest,
    /// The people and builders who signed it, by name.
    pub people: Vec<Name>,
    /// Why, in their words.
    pub reason: String,
    /// When, as they say.
    pub issued_at: Timestamp,
    /// When the waves after the first may go, of a promotion in waves.
    pub waves: Option<Waves>,
    /// Whether servers go past their maintenance windows.
    pub urgent: bool,
    /// The last wave that it lets go, of a widening.
    pub up_to: Option<Wave>,
    /// The sha256 of its payload.
    pub payload: Digest,
}

/// A bundle that builders released; one statement or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The bundle.
    pub hash: Digest,
    /// What builders said, in the order of the log; never empty.
    pub statements: Vec<ReleaseRecord>,
}

/// A release statement that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRecord {
    /// The entry of the log.
    pub entry: u64,
    /// The builders who signed it, by name.
    pub builders: Vec<Name>,
    /// Where it came from, `git+https://...`.
    pub source: String,
    /// The branch or tag, or the path in an svn repository.
    pub reference: String,
    /// The commit id or revision number.
    pub revision: String,
    /// A tag or version for people; may be empty.
    pub label: String,
    /// Whether the checkout had changes that are in no revision.
    pub dirty: bool,
    /// How the recipe's build ran.
    pub build: Build,
    /// Bytes of the manifest and all blobs it names.
    pub size: u64,
    /// When packing ended, as the builder says.
    pub finished_on: Timestamp,
    /// The sha256 of its payload.
    pub payload: Digest,
}

/// A revocation that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The entry of the log.
    pub entry: u64,
    /// The bundles.
    pub hashes: Vec<Digest>,
    /// Whether installers refuse or warn.
    pub severity: Severity,
    /// The people who signed it, by name.
    pub people: Vec<Name>,
    /// Why, in their words.
    pub reason: String,
    /// When, as they say.
    pub issued_at: Timestamp,
    /// The sha256 of its payload.
    pub payload: Digest,
}

impl Promotion {
    /// Tells whether it only lets more servers have the head that the channel has.
    pub fn is_widening(&self) -> bool {
        self.action == Action::Widen
    }
}

impl Release {
    /// Returns the first statement about a clean checkout: the one that makes the bundle
    /// promotable.
    pub fn clean(&self) -> Option<&ReleaseRecord> {
        self.statements.iter().find(|record| !record.dirty)
    }

    /// Returns the statement to show: the first clean one, or the first.
    ///
    /// # Panics
    ///
    /// Never: a release has a statement.
    pub fn record(&self) -> &ReleaseRecord {
        self.clean().unwrap_or(&self.statements[0])
    }

    /// Tells whether every statement says that the checkout was dirty; such a bundle cannot be
    /// promoted.
    pub fn is_dirty(&self) -> bool {
        self.clean().is_none()
    }

    /// Returns the entry of its first statement.
    pub fn entry(&self) -> u64 {
        self.statements[0].entry
    }

    /// Returns who built it, by name.
    pub fn builders(&self) -> BTreeSet<&Name> {
        self.statements
            .iter()
            .flat_map(|record| &record.builders)
            .collect()
    }
}
