//! The host file: what this server is to do, in the words of those who run it. Everything else that
//! the installer needs can be made again from it.
//!
//! ```text
//! text -> parse -> HostConfig              every problem with its line and column
//!               -> check                   whether what it names is on this machine, and safe
//!      -> edit  -> text                    comments and order stay
//! ```
//!
//! A project that the file does not name has the defaults of [`ProjectConfig`].

mod check;
mod edit;
mod environment;
mod error;
mod file;
mod host;
mod locked;
mod named;
mod parse;
mod problem;
mod project;
mod report;
mod token;
mod values;
mod windows;

pub use check::Checked;
pub use edit::Enrollment;
pub use environment::EnvironmentError;
pub(crate) use environment::read as read_environment;
pub use error::ConfigError;
pub use file::HostFile;
pub use host::{HostConfig, Registry};
pub use locked::LockedHostFile;
pub use problem::Problem;
pub use project::{
    DriftPolicy, HoldPolicy, HookPolicy, Link, LoadBalancer, PersistPolicy, ProjectConfig,
    Retention,
};
pub(crate) use token::{read as read_token_file, read_by_all};
pub use values::{Age, Mode, Owner, Quota, UserName};
pub(crate) use windows::Windows;
