//! The folder `releases/`: which trees are in it, and how one is taken out.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bulla_schemas::Digest;

use super::error::TreeError;
use super::{place, remove};
use crate::failpoint::failpoint;
use crate::platform::disk;
use crate::platform::files::{self, Attempt as _, FileError};
use crate::site::Site;
use crate::state::bundles;

/// Returns the releases whose trees are on this disk.
pub(crate) fn on_disk(site: &Site) -> Result<Vec<Digest>, FileError> {
    let path = site.releases();
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).attempt("list", &path),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.attempt("list", &path)?.file_name();
        found.extend(name.to_str().and_then(|name| Digest::from_hex(name).ok()));
    }
    found.sort();
    Ok(found)
}

/// Returns the releases whose trees are on this disk, the live one first: it is likely to have most of
/// another one.
pub(crate) fn likeliest_first(site: &Site, live: Option<Digest>) -> Result<Vec<Digest>, FileError> {
    let mut found = on_disk(site)?;
    found.sort_by_key(|hash| Some(*hash) != live);
    Ok(found)
}

/// Tells whether the tree of a release is on this disk; a link to one is not.
pub(crate) fn is_on_disk(site: &Site, hash: &Digest) -> bool {
    fs::symlink_metadata(site.tree(hash)).is_ok_and(|found| found.is_dir())
}

/// Renames a release's tree out of `releases/`, to a path whose directory exists, and forgets its
/// record and bundle. Where that cannot be done, the tree stays a release.
pub(crate) fn take_out(site: &Site, hash: &Digest, to: &Path) -> Result<(), TreeError> {
    move_out(site, hash, to)?;
    failpoint!("releases::moved");
    forget(site, hash)
}

/// Renames a release's tree out of `releases/`, to a path whose directory exists. Where that cannot
/// be done, the tree stays a release.
pub(crate) fn move_out(site: &Site, hash: &Digest, to: &Path) -> Result<(), FileError> {
    let tree = site.tree(hash);
    remove::make_movable(&tree)?;
    fs::rename(&tree, to)
        .attempt("move away", &tree)
        .inspect_err(|_| {
            // It stays a release; the first error counts.
            let _ = place::close_top(&tree);
        })
}

/// Renames a tree back to where it was a release. What has its name now stays.
pub(crate) fn put_back(site: &Site, hash: &Digest, from: &Path) -> Result<(), FileError> {
    let tree = site.tree(hash);
    disk::rename_to_free(from, &tree).attempt("move back", from)?;
    // A tree of another user keeps its mode.
    let _ = place::close_top(&tree);
    Ok(())
}

/// Forgets the record and the bundle of a release whose tree is gone. What a crash brings back of
/// them says nothing without the tree.
pub(crate) fn forget(site: &Site, hash: &Digest) -> Result<(), TreeError> {
    files::remove_later(&site.note(hash))?;
    files::remove_later(&site.record(hash))?;
    Ok(bundles::remove(site, hash)?)
}
