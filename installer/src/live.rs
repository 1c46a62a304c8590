//! What is live: the one link that says so, and how it is switched and proved, also across a crash.

pub(crate) mod activation;
mod broken;
pub(crate) mod current;
mod error;
mod failed;
pub(crate) mod folders;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod left;
mod load_balancer;
pub(crate) mod processes;
pub(crate) mod program;
pub(crate) mod recover;
pub(crate) mod sweep;

pub use broken::Broken;
pub use error::LiveError;
pub use failed::FailedRelease;
pub use health::CheckError;
pub use hooks::{HookError, HookSettings};
pub use recover::Unproved;
