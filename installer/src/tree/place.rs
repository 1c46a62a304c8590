//! Puts a finished tree in its place in `releases/`, by one rename. A tree that is there already,
//! and was changed by hand, is moved aside, never deleted.

use std::fs;
use std::io;
use std::path::Path;

use bulla_schemas::Digest;
use rustix::fs::Mode;

use super::error::TreeError;
use super::remove;
use crate::platform::disk;
use crate::platform::files::{self, Attempt as _, FileError};
use crate::site::Site;

/// A finished tree, and what becomes of the one that it replaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finished<'a> {
    pub(crate) hash: &'a Digest,
    /// Where it is staged.
    pub(crate) staged: &'a Path,
    /// Whether the tree that it replaces is live, so that its name must never be free.
    pub(crate) is_live: bool,
    /// Where that goes: a free name on the same file system.
    pub(crate) aside: &'a Path,
}

/// Moves a finished tree to `releases/<hash>`, which is durable once that folder is synced. Tells
/// whether something was there, which is set aside: an older tree, or a link or a file in its place.
pub(crate) fn put(site: &Site, finished: Finished<'_>) -> Result<bool, TreeError> {
    let tree = site.tree(finished.hash);
    let replaced = match fs::symlink_metadata(&tree) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::rename(finished.staged, &tree).attempt("rename into place", &tree)?;
            false
        }
        Err(error) => return Ok(Err(error).attempt("look at", tree)?),
        Ok(_) => {
            exchange(site, finished)?;
            true
        }
    };
    close_top(&tree)?;
    Ok(replaced)
}

/// Takes the write bits of a tree's top, which a rename by its owner needs.
pub(crate) fn close_top(tree: &Path) -> Result<(), FileError> {
    remove::change_mode(tree, |_| Mode::from_raw_mode(0o555))
}

/// Exchanges a finished tree with the one that is in its place. The finished one is taken out of
/// staging first: what is in staging is swept at the next start, and the other must never be.
fn exchange(site: &Site, finished: Finished<'_>) -> Result<(), TreeError> {
    let tree = site.tree(finished.hash);
    let aside = finished.aside;
    if let Some(directory) = aside.parent() {
        fs::create_dir_all(directory).attempt("create the directory", directory)?;
    }
    remove::make_movable(&tree)?;
    fs::rename(finished.staged, aside).attempt("move", finished.staged)?;
    if let Err(error) = exchange_with(finished, &tree) {
        // Whatever is in `set-aside/` counts as a person's: the new tree goes back to be swept.
        let _ = fs::rename(aside, finished.staged);
        let _ = close_top(&tree);
        return Err(error);
    }
    Ok(files::sync_parent(aside)?)
}

/// Exchanges what is at `aside` with the tree. After a failure both are where they were.
fn exchange_with(finished: Finished<'_>, tree: &Path) -> Result<(), TreeError> {
    let aside = finished.aside;
    // Not every file system can; only a live tree needs it.
    if disk::exchange(aside, tree).attempt("exchange", tree)? {
        return Ok(());
    }
    if finished.is_live {
        return Err(TreeError::CannotExchange {
            path: tree.to_owned(),
        });
    }
    let temporary = aside.with_added_extension("new");
    fs::rename(aside, &temporary).attempt("move", aside)?;
    let moved = fs::rename(tree, aside)
        .attempt("move aside", tree)
        .and_then(|()| {
            fs::rename(&temporary, tree)
                .attempt("rename into place", tree)
                .inspect_err(|_| {
                    let _ = fs::rename(aside, tree);
                })
        });
    if let Err(error) = moved {
        let _ = fs::rename(&temporary, aside);
        return Err(error.into());
    }
    Ok(())
}
