//! Bundles that the writer refuses to write: every part can be changed, and whatever hangs on it,
//! digests, sums, manifest, is made to fit again.
//!
//! [`catalogue`] has one bundle per attack, named after it.

mod catalogue;
mod entry;
mod forge;

pub use catalogue::{Attack, CaughtBy, catalogue};
pub use entry::ForgedEntry;
pub use forge::{Forge, ForgedBundle, ForgedFrame, Served};
