//! What is live: the one link that says so, and how it is switched, also across a crash.

pub(crate) mod activation;
pub(crate) mod current;
mod error;
pub(crate) mod folders;
pub(crate) mod processes;
pub(crate) mod recover;
pub(crate) mod sweep;

pub use error::LiveError;
