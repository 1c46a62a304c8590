//! What a doctor looks at on a server: host file, disks, the way to each registry, the log, the
//! clock and the agent, step by step.
//!
//! A step never ends the examination: it says what it found and what to do, and the next one goes
//! on with what there is. Nothing is changed.

mod agent;
mod directories;
mod failed;
mod network;
mod registry;

pub(crate) use agent::{program, service, socket, units};
pub(crate) use directories::{metrics, root, state};
pub(crate) use failed::failed;
pub(crate) use registry::{behind, examine as registry, unwitnessed};
