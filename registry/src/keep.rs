//! Upkeep of the data directory.

mod missing;
mod reindex;
mod usage;

pub use missing::Missing;
pub use reindex::Indexed;
pub(crate) use reindex::{reindex, reindex_if_lost};
pub(crate) use usage::usage;
