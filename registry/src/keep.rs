//! Upkeep of the data directory.

mod reindex;

pub use reindex::Indexed;
pub(crate) use reindex::{reindex, reindex_if_lost};
