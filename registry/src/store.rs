//! What lies in the data directory besides the log: content, the records of who has what, and what
//! is being received.

pub(crate) mod blobs;
mod error;
mod keys;
pub(crate) mod repositories;
pub(crate) mod space;
mod upload;
pub(crate) mod uploads;

pub(crate) use error::StoreError;
pub(crate) use upload::Upload;
