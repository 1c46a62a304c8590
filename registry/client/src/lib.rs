//! The registry's HTTP interface from the other side: what the packager, the installer, mirrors
//! and tests say to a registry.
//!
//! ```text
//! /v2/{project}/manifests|blobs/...     manifests, blobs, uploads (OCI Distribution 1.1)
//! /v2/{project}/_bulla/...              frames and deltas, where the registry is one of ours
//! /log/checkpoint, /log/tile/...        the log (C2SP tlog-tiles)
//! /log/entries                          append one envelope
//! /log/cosignatures                     what witnesses said, and the way to say it
//! /add-checkpoint                       of a witness: the way to ask it
//! /api/v1/...                           read models
//! /api/v1/watch                         waits for the log to grow
//! /api/v1/proposals                     statements that wait for signatures
//! /api/v1/hosts/{host}/report           what a host observed
//! ```
//!
//! Every size that the other side announces is bounded here; no digest is checked here: what
//! comes back is unverified until `bulla-bundle` or `bulla-trust` has accepted it. The crate
//! knows no terminal and no configuration; proxies are taken from the environment as `reqwest`
//! does.

mod address;
mod answer;
mod blob;
mod bundle;
mod cause;
mod client;
mod clock;
mod content;
mod delta;
mod error;
mod follow;
mod hosts;
mod http;
mod log;
mod manifest;
mod patience;
pub mod plan;
mod proposals;
mod push;
mod retry;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod watch;
mod witness;
mod witnesses;

pub use address::{address_finding, registry_url};
pub use blob::{BlobStream, Ranged};
pub use bundle::Missing;
pub use cause::Cause;
pub use client::Client;
pub use clock::clock_findings;
pub use content::{FetchedManifest, Listed};
pub use error::{Answer, ClientError};
pub use follow::{
    CopiedLog, FollowError, LogDirectory, LogFollower, LogReader, LogSnapshot, Reach, Unsaved,
    fetch_growth, fetch_unverified, fork_findings, fork_name, judge_newest,
};
pub use log::Greeting;
pub use patience::Patience;
pub use push::Pushed;
pub use token::{TokenError, read_token};
pub use watch::{Watch, jittered};
pub use witness::WitnessAnswer;
pub use witnesses::witness_findings;
