//! `Project`: what was decided about one project.

use std::collections::BTreeMap;

use bulla_schemas::ProjectName;

use super::mark::{Known, Marks};
use crate::oci::digest::OciDigest;

/// What others who wait for a lock are told.
pub(super) const COMMAND: &str = "bulla-registry gc";

/// A project, and what was decided about it.
pub(super) struct Project {
    pub(super) name: ProjectName,
    pub(super) known: Known,
    pub(super) marks: Marks,
    /// Blobs that are needed; where something that stays is damaged or lost, that, and nothing is
    /// removed.
    pub(super) needed: Result<BTreeMap<OciDigest, u64>, OciDigest>,
    /// Blobs that go.
    pub(super) blobs: Vec<OciDigest>,
    /// The rule that says what is kept, where there are rules.
    pub(super) rule: Option<String>,
}
