//! `/api/v1/`: what the log and the bundles say, for pages and scripts
//! ([`bulla_schemas::api`] is the contract). Served from the replayed log, and
//! from what hosts report.

pub(crate) mod caller;
pub(crate) mod channels;
pub(crate) mod deployments;
pub(crate) mod diff;
pub(crate) mod history;
pub(crate) mod hosts;
pub(crate) mod log;
pub(crate) mod openapi;
pub(super) mod page;
pub(crate) mod projects;
pub(crate) mod proposals;
pub(crate) mod releases;
pub(crate) mod view;
