//! `current`: the one link that says which release is live. Read from disk each time; nothing
//! else is believed about what is live.
//!
//! ```text
//! current           ->  releases/<live>
//! .current.before   ->  releases/<the one before>     what it was; a rollback exchanges the two
//! .current.new                                        while a switch is under way
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bulla_schemas::Digest;

use super::error::LiveError;
use crate::failpoint::failpoint;
use crate::platform::disk;
use crate::platform::files::{self, Attempt as _, FileError};
use crate::site::Site;

/// Returns which release `current` points to, `None` when it does not exist.
///
/// Whatever the installer did not make is refused: it cannot be replaced in one step, or belongs
/// to somebody.
pub(crate) fn read(site: &Site) -> Result<Option<Digest>, LiveError> {
    let path = site.current();
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Ok(Err(error).attempt("look at", &path)?),
    };
    if !metadata.is_symlink() {
        let found = if metadata.is_dir() {
            "directory"
        } else {
            "file"
        };
        return Err(LiveError::CurrentIsNoLink { path, found });
    }
    let target = fs::read_link(&path).attempt("read the link", &path)?;
    match released(&target) {
        Some(hash) => Ok(Some(hash)),
        None => Err(LiveError::CurrentIsForeign { path, target }),
    }
}

/// Points `current` to a release by one rename, and makes that durable. The way back needs no room
/// on the disk: the link that was `current` before is kept.
pub(crate) fn switch(site: &Site, hash: &Digest) -> Result<(), LiveError> {
    let path = site.current();
    let (before, temporary) = (before(site), temporary(site));
    let target = Path::new("releases").join(hash.hex());
    remove_temporary(site)?;
    let prepared = if fs::read_link(&before).is_ok_and(|found| found == target) {
        &before
    } else {
        symlink(&target, &temporary).attempt("create the link", &temporary)?;
        &temporary
    };
    failpoint!("current::link-prepared");
    let is_exchanged = match disk::exchange(prepared, &path) {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        exchanged => exchanged.attempt("switch", &path)?,
    };
    if !is_exchanged {
        fs::rename(prepared, &path).attempt("switch", &path)?;
    }
    failpoint!("current::switched");
    if is_exchanged && prepared == &temporary {
        // Without it, the way back only needs room.
        let _: io::Result<()> = fs::rename(&temporary, &before);
    }
    Ok(files::sync_directory(site.folder())?)
}

/// Removes what a switch that died left behind.
pub(crate) fn remove_temporary(site: &Site) -> Result<(), FileError> {
    let temporary = temporary(site);
    match fs::remove_file(&temporary) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).attempt("remove", &temporary),
    }
}

fn temporary(site: &Site) -> PathBuf {
    site.folder().join(".current.new")
}

fn before(site: &Site) -> PathBuf {
    site.folder().join(".current.before")
}

/// Reads `releases/<64 hex>`, the only target that the installer writes.
fn released(target: &Path) -> Option<Digest> {
    let hex = target.to_str()?.strip_prefix("releases/")?;
    Digest::from_hex(hex.strip_suffix('/').unwrap_or(hex)).ok()
}
