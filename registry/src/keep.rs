//! Upkeep of the data directory.

mod fsck;
mod missing;
mod records;
mod reindex;
mod usage;

pub(crate) use fsck::{Asked, fsck};
pub use missing::Missing;
pub use reindex::Indexed;
pub(crate) use reindex::{reindex, reindex_if_lost};
pub(crate) use usage::usage;
