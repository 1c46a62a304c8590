//! Where releases come from: the log that names them, and the registry or file that holds them.
//! The only room that waits for the network.

pub(crate) mod checkpoints;
mod error;
pub(crate) mod log;
pub(crate) mod pull;
pub(crate) mod supply;

pub use error::FetchError;
pub use log::FollowedLog;
pub(crate) use log::save;
pub use supply::{Access, Supply};
pub(crate) use supply::{Token, TokenOrigin};
