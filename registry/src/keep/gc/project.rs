//! `Project`: what was decided about one project.

use std::collections::HashSet;

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
    /// Blobs that are needed; `None` where that cannot be told, and nothing is removed.
    pub(super) needed: Option<HashSet<OciDigest>>,
    /// Blobs that go.
    pub(super) blobs: Vec<OciDigest>,
}
