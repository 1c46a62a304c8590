//! The registry: keeps bundles and the log, and serves both over HTTP.
//!
//! It is not trusted. What a release, a promotion or a policy is worth is decided by the
//! signatures on it, wherever it is used; what the registry checks is a courtesy that keeps
//! mistakes out of the log.

mod access;
mod app;
mod blocking;
mod budget;
pub mod cli;
mod clock;
mod data;
mod database;
mod error;
mod failpoint;
mod frames;
mod http;
mod keep;
mod log;
mod metrics;
mod mirror;
mod objects;
mod oci;
mod pattern;
mod period;
mod publish;
mod quota;
mod server;
mod settings;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod turns;
mod watchers;

pub use access::hosts::Hosts;
pub use access::tokens::Tokens;
pub use access::{Access, Scope, ScopeError};
pub use app::App;
pub use clock::Clock;
pub use data::{DataDirectory, DataError};
pub use database::{DatabaseError, TokenRow};
pub use error::RegistryError;
pub use keep::{Indexed, Missing};
pub use log::{DamagedLog, LogError};
pub use mirror::MirrorError;
pub use pattern::{PatternError, ProjectPattern};
pub use publish::PublishError;
pub use server::{Certificate, CertificateError, CertificateFiles, Listener, serve};
pub use settings::{Pace, Patience, ProposalLimits, Settings, UploadLimits, WatchLimits};
