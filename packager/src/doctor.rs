//! What a doctor looks at: recipe, tools, keys, clock, registry and directories, step by step.
//!
//! A step never ends the examination: it says what it found and what to do, and the next one
//! goes on with what there is.

mod directories;
mod keys;
mod recipe;
mod registry;
mod tools;

pub use directories::{examine_cache, examine_state};
pub use keys::{builder, personal};
pub use recipe::{Examined, examine as recipe};
pub use registry::{log, mirror, token, unverified_log};
pub use tools::{Needed, examine as tools};
