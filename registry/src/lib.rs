//! The registry: keeps bundles and the log, and serves both over HTTP.
//!
//! It is not trusted. What a release, a promotion or a policy is worth is decided by the
//! signatures on it, wherever it is used; what the registry checks is a courtesy that keeps
//! mistakes out of the log.

mod access;
mod admit;
mod answer;
mod api;
mod app;
mod blobs;
mod body;
mod caller;
pub mod cli;
mod clock;
mod content;
mod data;
mod database;
mod download;
mod durable;
mod error;
mod extract;
mod health;
mod hex;
mod log;
mod oci;
mod oci_digest;
mod problem;
mod range;
mod reference;
mod reindex;
mod repositories;
mod router;
mod serve;
mod tokens;
mod uploads;

pub use access::{Access, AccessError, ProjectPattern, Scope};
pub use app::{App, Settings};
pub use clock::Clock;
pub use data::{DataDirectory, DataError};
pub use database::{DatabaseError, TokenRow};
pub use durable::FileError;
pub use error::RegistryError;
pub use log::{DamagedLog, LogError};
pub use problem::Problem;
pub use reindex::Indexed;
pub use router::router;
pub use serve::serve;
pub use tokens::Tokens;
