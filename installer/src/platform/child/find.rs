//! Finds programs of this server, and says why one cannot or must not be run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bulla_schemas::outcome::Outcome as _;

use crate::platform::users;

/// Where programs are looked for that are named without a path, whatever the caller's PATH is.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Finds a program by its name in [`PATH`].
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    PATH.split(':')
        .map(|directory| Path::new(directory).join(name))
        .find(|path| require_executable(path).is_ok())
}

/// Says why a program cannot be run.
pub(crate) fn require_executable(path: &Path) -> Result<(), String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is not a file".to_owned());
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(format!(
            "it is not executable; `chmod +x {}` makes it so",
            path.display()
        ));
    }
    Ok(())
}

/// Says why a program must not be run as a user: others could change it or exchange it.
pub(crate) fn require_unshared(path: &Path, user: u32) -> Result<(), String> {
    let caller = rustix::process::geteuid().as_raw();
    let has_only_these = |group| users::has_only(group, &[0, caller, user]);
    bulla_files::require_unshared_by(path, user, has_only_these).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}"));
        format!("{error}{}", hint.unwrap_or_default())
    })
}

/// Says why a program of this server cannot or must not be run as a user.
pub(crate) fn require_runnable(path: &Path, user: u32) -> Result<(), String> {
    require_executable(path)?;
    require_unshared(path, user)
}
