//! What lies in the data directory beside the log: content, the records of who has what, and what
//! is being received.

pub(crate) mod blobs;
pub(crate) mod repositories;
pub(crate) mod uploads;
