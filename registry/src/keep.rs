//! Upkeep of the data directory.

mod reindex;
mod usage;

pub use reindex::Indexed;
pub(crate) use reindex::{reindex, reindex_if_lost};
pub(crate) use usage::usage;
