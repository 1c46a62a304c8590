//! Whether a submodule is checked out.

use std::path::{Path, PathBuf};

use super::declared;

/// Returns the work tree of the submodule at `path` of `work_tree` if it is checked out.
pub(in crate::source::git) fn checked_out(work_tree: &Path, path: &[u8]) -> Option<PathBuf> {
    if !declared::stays_inside(path) {
        return None;
    }
    let directory = work_tree.join(gix::path::from_byte_slice(path).ok()?);
    directory.join(".git").exists().then_some(directory)
}
