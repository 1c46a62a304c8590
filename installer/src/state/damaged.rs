//! What cannot be read of an installer's memory: kept under another name, so that it stands in no
//! one's way and nothing is lost.

use std::fs;
use std::path::{Path, PathBuf};

use bulla_schemas::Timestamp;

use crate::platform::files::{Attempt as _, FileError};

/// Renames a file to `<name>.damaged-<seconds>`. Returns where it is.
pub(crate) fn keep(path: &Path, now: Timestamp) -> Result<PathBuf, FileError> {
    let suffix = format!("damaged-{}", now.as_seconds());
    let mut to = path.with_added_extension(&suffix);
    let mut count = 1;
    while to.symlink_metadata().is_ok() {
        count += 1;
        to = path.with_added_extension(format!("{suffix}-{count}"));
    }
    fs::rename(path, &to).attempt("move away", path)?;
    Ok(to)
}
