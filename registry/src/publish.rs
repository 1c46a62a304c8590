//! What the registry holds, and what must be true before it takes something in.

mod admit;
mod attach;
mod blobs;
mod bundles;
mod catalog;
mod changes;
mod delete;
mod deltas;
mod error;
mod foreign;
mod kept_deltas;
mod manifests;
mod mend;
mod proposals;
mod reports;
mod statements;
mod tags;

pub(crate) use admit::open_parts;
pub(crate) use bundles::blob_frames;
pub(crate) use catalog::{Catalog, Wanted};
pub(crate) use deltas::{MOST_SIZE as MOST_DELTA, SentDelta};
pub use error::PublishError;
pub(crate) use manifests::PushedAs;
pub(crate) use mend::Mender;
pub(crate) use proposals::Proposing;
