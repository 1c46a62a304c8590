//! Upkeep of the data directory.

pub(crate) mod reindex;
