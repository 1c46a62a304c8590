//! OCI Distribution 1.1 below `/v2/`: one file per kind of thing, and which path means which.

pub(crate) mod blobs;
pub(crate) mod catalog;
pub(crate) mod delta;
pub(crate) mod frames;
pub(crate) mod manifests;
pub(crate) mod ping;
pub(crate) mod referrers;
pub(crate) mod repository;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod token;
pub(crate) mod uploads;
