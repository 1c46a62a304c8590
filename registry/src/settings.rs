//! What the operator of a registry decides, and what a client may take of it.

use std::time::Duration;

use ipnet::IpNet;

use crate::pattern::ProjectPattern;

/// What the operator of a registry decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether reading needs no token.
    pub anonymous_read: bool,
    /// The repositories whose tags may move and whose content may be deleted.
    pub mutable: Vec<ProjectPattern>,
    /// Most bytes in a blob.
    pub most_blob_bytes: u64,
    /// How many uploads there may be, and for how long.
    pub uploads: UploadLimits,
    /// How slowly a body may arrive.
    pub pace: Pace,
    /// Most connections at once.
    pub most_connections: usize,
    /// How many clients may wait for the log to grow, and for how long.
    pub watch: WatchLimits,
    /// Most entries of the log that a token may append in an hour.
    pub most_entries: u32,
    /// Most reports that a token may send in an hour.
    pub most_reports: u32,
    /// Most hosts that may report.
    pub most_hosts: u32,
    /// How many statements may wait for signatures.
    pub proposals: ProposalLimits,
    /// The proxies that are believed whom they ask for.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a client may keep a connection waiting.
    pub patience: Patience,
    /// How long requests may take to end when the registry stops.
    pub drain: Duration,
}

/// How many uploads there may be, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Most uploads at once.
    pub most: usize,
    /// Most uploads at once of one token.
    pub most_of_token: usize,
    /// Most uploads at once into one project.
    pub most_of_project: usize,
    /// How long an upload may rest.
    pub patience: Duration,
    /// How long an upload may rest that has received nothing.
    pub patience_empty: Duration,
    /// How long an upload rests at least before it makes room for another one; an empty one need
    /// not rest at all.
    pub least_rest: Duration,
    /// How often uploads are looked at.
    pub sweep: Duration,
}

/// How many statements may wait for signatures. Each person has an equal share of both.
#[derive(Debug, Clone, Copy)]
pub struct ProposalLimits {
    /// Of all, shared by all people.
    pub most: u32,
    /// Of one project, and of policies, shared by those who decide.
    pub most_of_project: u32,
}

impl Default for ProposalLimits {
    fn default() -> Self {
        Self {
            most: 1000,
            most_of_project: 50,
        }
    }
}

/// How many clients may wait for the log to grow, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct WatchLimits {
    /// Most at once; they do not count as connections.
    pub most: usize,
    /// How often a client is told that it still waits, so that nothing on the way gives up.
    pub heartbeat: Duration,
    /// Longest that events go on before the client has to come again: of one that is gone without
    /// a word, or reads nothing, nothing else would be noticed for hours.
    pub longest: Duration,
}

/// How slowly a body may arrive: in each window of time at least so many bytes, or its end.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The length of a window.
    pub window: Duration,
    /// Least bytes in it.
    pub least: u64,
}

/// How long a client may keep a connection waiting.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the first byte of a connection.
    pub first_byte: Duration,
    /// For the handshake of a connection with TLS.
    pub handshake: Duration,
    /// For the head of a request, and for the next request of the same connection.
    pub head: Duration,
    /// In all, before it has taken `least_taken` of the bytes that it is sent.
    pub send: Duration,
    /// Least bytes that a client takes in that time.
    pub least_taken: u64,
    /// With the rest of a body that is not read, because its request was refused.
    pub linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            anonymous_read: false,
            mutable: Vec::new(),
            most_blob_bytes: 32 << 30,
            uploads: UploadLimits::default(),
            pace: Pace::default(),
            most_connections: 4096,
            watch: WatchLimits::default(),
            most_entries: 1000,
            most_reports: 1200,
            most_hosts: 10_000,
            proposals: ProposalLimits::default(),
            trusted_proxies: Vec::new(),
            patience: Patience::default(),
            drain: Duration::from_secs(20),
        }
    }
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            most: 256,
            most_of_token: 64,
            most_of_project: 128,
            patience: Duration::from_hours(1),
            patience_empty: Duration::from_mins(5),
            least_rest: Duration::from_mins(1),
            sweep: Duration::from_mins(1),
        }
    }
}

impl Default for WatchLimits {
    fn default() -> Self {
        Self {
            most: 12_000,
            heartbeat: Duration::from_secs(20),
            longest: Duration::from_hours(1),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            least: 32 * 1024,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            send: Duration::from_secs(30),
            least_taken: 32 * 1024,
            linger: Duration::from_secs(30),
        }
    }
}
