//! Upkeep of the data directory.

mod absent;
mod backup;
mod by_pack;
mod cut_off;
mod documents;
mod fsck;
mod gc;
mod lost;
mod missing;
mod named;
mod parts;
mod place;
mod records;
mod reindex;
mod restore;
mod retention;
mod rows;
mod rules;
mod settle;
mod terms;
mod transfer;
mod usage;

pub(crate) use backup::backup;
pub(crate) use cut_off::index_cut_off;
pub(crate) use fsck::{Asked, fsck};
pub(crate) use gc::gc;
pub use missing::Missing;
pub use reindex::Indexed;
pub(crate) use reindex::{reindex, reindex_if_lost, unrecorded};
pub(crate) use restore::restore;
pub(crate) use retention::{Kept, Retention};
pub(crate) use rules::Rules;
pub(crate) use terms::Terms;
pub(crate) use usage::usage;
