//! `current`: the one link that says which release is live. Read from disk each time; nothing
//! else is believed about what is live.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use bulla_schemas::Digest;

use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::failpoint::failpoint;
use crate::layout::Place;

/// Returns which release `current` points to, `None` when it does not exist.
///
/// Whatever the installer did not make is refused: it cannot be replaced in one step, or belongs
/// to somebody.
pub(crate) fn read(place: &Place) -> Result<Option<Digest>, Error> {
    let path = place.current();
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).on("look at", &path),
    };
    if !metadata.is_symlink() {
        let found = if metadata.is_dir() {
            "directory"
        } else {
            "file"
        };
        return Err(Error::CurrentIsNoLink { path, found });
    }
    let target = fs::read_link(&path).on("read the link", &path)?;
    match released(&target) {
        Some(hash) => Ok(Some(hash)),
        None => Err(Error::CurrentIsForeign { path, target }),
    }
}

/// Points `current` to a release by one rename, and makes that durable.
pub(crate) fn switch(place: &Place, hash: &Digest) -> Result<(), Error> {
    let path = place.current();
    let temporary = temporary(place);
    remove_temporary(place)?;
    symlink(Path::new("releases").join(hash.hex()), &temporary)
        .on("create the link", &temporary)?;
    failpoint!("activate::link-prepared");
    fs::rename(&temporary, &path).on("switch", &path)?;
    failpoint!("activate::switched");
    durable::sync_directory(place.site())
}

/// Removes what a switch that died left behind.
pub(crate) fn remove_temporary(place: &Place) -> Result<(), Error> {
    let temporary = temporary(place);
    match fs::remove_file(&temporary) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).on("remove", &temporary),
    }
}

fn temporary(place: &Place) -> std::path::PathBuf {
    place.site().join(".current.new")
}

/// Reads `releases/<64 hex>`, the only target that the installer writes.
fn released(target: &Path) -> Option<Digest> {
    let hex = target.to_str()?.strip_prefix("releases/")?;
    Digest::from_hex(hex.strip_suffix('/').unwrap_or(hex)).ok()
}
