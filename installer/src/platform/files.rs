//! Small files that survive power loss: `bulla_files`, and what only the installer needs.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

pub use bulla_files::FileError;
pub(crate) use bulla_files::{
    Attempt, has_directory, has_file, is_same_file_system, read, read_up_to, remove, remove_later,
    sync_directory, sync_file_system, sync_parent, write, write_later,
};

/// Creates a directory that only its owner can read, and those above it. What lies in it is made
/// durable later, with everything else.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .attempt("create the directory", path)
}
