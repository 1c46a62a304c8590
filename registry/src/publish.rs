//! What the registry holds, and what must be true before it takes something in.

mod admit;
mod attach;
mod blobs;
mod bundles;
mod catalog;
mod error;
mod manifests;
mod reports;
mod statements;
mod tags;

pub(crate) use catalog::Catalog;
pub use error::PublishError;
