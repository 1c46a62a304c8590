//! The words that Bulla's programs exchange.
//!
//! Every type here is validated when it is made and stays valid: fields are private or plain
//! data, and serde goes through the same constructor as everything else. The crate does no I/O,
//! knows no clock and no environment. What a bundle's bytes mean is `bulla-bundle`; who may say
//! what is `bulla-trust`.
//!
//! The JSON Schemas of all documents stand in `schemas/json/`, generated from these types; a
//! test fails when they are stale.

mod text;

pub mod api;
pub mod codec;
pub mod delta;
pub mod digest;
pub mod envelope;
pub mod escape;
pub mod frames;
pub mod index;
pub mod install;
pub mod line;
pub mod log;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod outcome;
pub mod path;
pub mod period;
pub mod policy;
pub mod recipe;
pub mod release;
pub mod report;
pub mod statement;
pub mod timestamp;
pub mod units;

pub use codec::Codec;
pub use digest::{Digest, DigestPrefix};
pub use name::{ChannelName, HostName, Name, ProjectName};
pub use path::{EntryPath, LinkTarget};
pub use timestamp::Timestamp;
