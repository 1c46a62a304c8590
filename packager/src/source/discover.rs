//! The nearest repository above a directory.

use std::path::{Path, PathBuf};

use super::special::is_git_dir;

/// A repository, by the directory that has it.
pub(super) enum Found {
    Git(PathBuf),
    Subversion(PathBuf),
}

/// Finds the nearest repository at or above `directory`.
pub(super) fn discover(directory: &Path) -> Option<Found> {
    directory.ancestors().find_map(|ancestor| {
        if is_git(ancestor) {
            Some(Found::Git(ancestor.to_owned()))
        } else if ancestor.join(".svn").is_dir() {
            Some(Found::Subversion(ancestor.to_owned()))
        } else {
            None
        }
    })
}

/// Finds the nearest git checkout or bare repository at or above `directory`.
pub(crate) fn discover_git(directory: &Path) -> Option<&Path> {
    directory.ancestors().find(|ancestor| is_git(ancestor))
}

fn is_git(directory: &Path) -> bool {
    directory.join(".git").exists() || is_git_dir(directory)
}
