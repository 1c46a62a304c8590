//! What cannot be read of an installer's memory: kept under another name, so that it is in nobody's
//! way and nothing is lost.

use std::ffi::OsStr;
use std::fs::{self, File};
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

/// Tells whether a name is one that [`keep`] gives.
pub(crate) fn is_kept(name: &OsStr) -> bool {
    name.to_string_lossy().contains(".damaged-")
}

/// Keeps what `check` refuses under another name, where other processes may do the same at this
/// moment: what one of them has put in its place by now stays. Returns the note for it.
pub(crate) fn keep_refused(
    path: &Path,
    now: Timestamp,
    check: impl FnOnce(&Path) -> Result<bool, FileError>,
) -> Result<Option<String>, FileError> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    // Closing it lets go.
    let directory = File::open(parent).attempt("open", parent)?;
    directory.lock().attempt("lock", parent)?;
    let error = match check(path) {
        Err(error) if error.is_damage() => error,
        checked => return checked.map(|_| None),
    };
    let kept = keep(path, now)?;
    Ok(Some(format!("{error}; it is kept as `{}`", kept.display())))
}
