//! `Proposal`: what a person wants a channel to point to, before anybody has signed it.

use bulla_schemas::{ChannelName, Digest, ProjectName, Timestamp};

/// What a person wants a channel to point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The project.
    pub project: ProjectName,
    /// The channel.
    pub channel: ChannelName,
    /// The release.
    pub hash: Digest,
    /// Why; permanent.
    pub reason: String,
    /// The time, for people.
    pub issued_at: Timestamp,
}
