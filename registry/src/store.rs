//! What lies in the data directory besides the log: content, the records of who has what, and what
//! is being received.

mod audit;
mod blob;
pub(crate) mod blobs;
mod copies;
mod error;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod held;
mod inventory;
mod keys;
mod packing;
mod piece;
mod recipe;
mod repair;
pub(crate) mod repositories;
pub(crate) mod space;
mod sweep;
mod upload;
pub(crate) mod uploads;
#[cfg(test)]
mod world;

pub(crate) use audit::{StoredAs, Wrong};
pub(crate) use blob::Blob;
pub(crate) use copies::{Copies, Tally};
pub(crate) use error::StoreError;
pub(crate) use inventory::RecordKeys;
pub(crate) use piece::{Piece, Pieces};
pub(crate) use recipe::Recipe;
pub(crate) use sweep::remove_old_uploads;
pub(crate) use upload::Upload;
