//! Puts a finished tree in its place in `releases/`, by one rename. A tree that is there already,
//! and was changed by hand, is moved aside, never deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bulla_schemas::{Digest, Timestamp};
use rustix::fs::{CWD, Mode, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::current;
use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::layout::Place;
use crate::remove;

/// Moves `staged` to `releases/<hash>`, durably. Returns where an older tree went.
pub(super) fn put(
    place: &Place,
    hash: &Digest,
    staged: &Path,
    now: Timestamp,
) -> Result<Option<PathBuf>, Error> {
    let tree = place.tree(hash);
    let aside = match fs::symlink_metadata(&tree) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::rename(staged, &tree).on("rename into place", &tree)?;
            None
        }
        Err(error) => return Err(error).on("look at", tree),
        Ok(_) => Some(exchange(place, hash, staged, now)?),
    };
    close_top(&tree)?;
    durable::sync_directory(&place.releases())?;
    Ok(aside)
}

/// Takes the write bits of a tree's top, which a rename by its owner needs.
pub(crate) fn close_top(tree: &Path) -> Result<(), Error> {
    remove::change_mode(tree, |_| Mode::from_raw_mode(0o555))
}

/// Exchanges a finished tree with the one that is in its place. The finished one is taken out of
/// staging first: what is in staging is swept at the next start, and the other must never be.
fn exchange(place: &Place, hash: &Digest, staged: &Path, now: Timestamp) -> Result<PathBuf, Error> {
    let tree = place.tree(hash);
    let directory = place.set_aside();
    fs::create_dir_all(&directory).on("create the directory", &directory)?;
    let aside = free_name(&directory, hash, now);
    fs::rename(staged, &aside).on("move", staged)?;
    remove::make_movable(&tree)?;
    match renameat_with(CWD, &aside, CWD, &tree, RenameFlags::EXCHANGE) {
        Ok(()) => {}
        // Not every file system can; only a live tree needs it.
        Err(error @ (Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)) => {
            if current::read(place)? == Some(*hash) {
                close_top(&tree)?;
                remove::remove_tree(&aside)?;
                return Err(Error::CannotExchange {
                    path: tree,
                    source: error.into(),
                });
            }
            let finished = aside.with_added_extension("new");
            fs::rename(&aside, &finished).on("move", &aside)?;
            fs::rename(&tree, &aside).on("move aside", &tree)?;
            fs::rename(&finished, &tree).on("rename into place", &tree)?;
        }
        Err(error) => return Err(io::Error::from(error)).on("exchange", tree),
    }
    durable::sync_directory(&directory)?;
    Ok(aside)
}

fn free_name(directory: &Path, hash: &Digest, now: Timestamp) -> PathBuf {
    let name = format!("{}-{}", hash.hex(), now.as_seconds());
    let mut path = directory.join(&name);
    let mut count = 1;
    while fs::symlink_metadata(&path).is_ok() {
        count += 1;
        path = directory.join(format!("{name}-{count}"));
    }
    path
}
