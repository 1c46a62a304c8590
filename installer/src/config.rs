//! The host file: what this server is to do, in the words of those who run it. Everything else that
//! the installer needs can be made again from it.
//!
//! ```text
//! text -> parse -> HostConfig              every problem with its line and column
//!      -> edit  -> text                    comments and order stay
//! ```
//!
//! A project that the file does not name has the defaults of [`ProjectConfig`].

mod check;
mod edit;
mod error;
mod file;
mod host;
mod locked;
mod parse;
mod problem;
mod project;
mod report;
mod values;
mod windows;

pub use edit::Enrollment;
pub use error::ConfigError;
pub use file::HostFile;
pub use host::{HostConfig, Registry};
pub use locked::LockedHostFile;
pub use problem::Problem;
pub use project::{
    DriftPolicy, HoldPolicy, HookPolicy, Link, LoadBalancer, PersistPolicy, ProjectConfig,
    Retention,
};
pub use values::{Age, Mode, Owner, Quota, UserName};
pub(crate) use windows::Windows;
