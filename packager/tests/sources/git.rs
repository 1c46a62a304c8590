//! git: the same revision is the same release, wherever and however it is checked out.

mod attributes;
mod changes;
mod clones;
mod commit;
mod damage;
mod hostile;
mod incomplete;
mod large;
mod lfs;
mod long_ids;
mod ownership;
mod provenance;
mod revisions;
pub(crate) mod server;
mod submodules;

use bulla_packager::source::TrackedKind;

const FILE: TrackedKind = TrackedKind::File { executable: false };
const EXECUTABLE: TrackedKind = TrackedKind::File { executable: true };
