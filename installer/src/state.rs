//! What the installer remembers, one file for each thing. All of it lies in a directory that only
//! the installer may write.

pub(crate) mod attempt;
pub(crate) mod behind;
pub(crate) mod bundles;
pub(crate) mod checked;
pub(crate) mod damaged;
pub(crate) mod drained;
pub(crate) mod error;
pub(crate) mod history;
pub(crate) mod hold;
pub(crate) mod journal;
pub(crate) mod json;
pub(crate) mod leftovers;
pub(crate) mod output;
pub(crate) mod programs;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod rollout;
pub(crate) mod synced;
pub(crate) mod token_file;
pub(crate) mod unread;
pub(crate) mod witnessed;

pub use attempt::FailedAttempt;
pub use drained::Drained;
pub use error::StateError;
pub use history::{Activation, ActivationAction, ActivationResult, PromotionRecord};
pub use hold::{Hold, HoldKind};
pub use leftovers::Leftover;
pub use quarantine::Quarantined;
