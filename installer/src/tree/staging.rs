//! Staging: a directory beside `releases/` where trees are written before they are put in place,
//! and where old ones go to be removed. What is in one is never taken for a release.
//!
//! Each run makes its own. One that cannot be removed stays, and the next one gets another name.
//!
//! ```text
//! .staging/
//!   <64 hex>            a tree that is written
//!   moved-<64 hex>      a release that nothing needs, which has to be looked at once more
//!   garbage-<64 hex>    one that is being removed
//! ```

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bulla_schemas::Digest;

use super::remove;
use crate::platform::files::{Attempt as _, FileError};
use crate::site::Site;

const MOVED: &str = "moved-";
const GARBAGE: &str = "garbage-";

/// A staging directory of this run.
#[derive(Debug)]
pub(crate) struct Staging(PathBuf);

impl Staging {
    /// Makes a directory that is not there yet, readable by its owner only.
    pub(crate) fn create(site: &Site) -> Result<Self, FileError> {
        const MOST: u32 = 1000;
        let mut number = 1;
        loop {
            let path = site.staging(number);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MOST => {
                    number += 1;
                }
                Err(error) => return Err(error).attempt("create the directory", path),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it with everything that this run made in it but moved trees that were not put back.
    pub(crate) fn remove(&self) -> Result<(), FileError> {
        for name in names(&self.0)? {
            let path = self.0.join(name);
            if is_ours(&path) && moved_tree(&path).is_none() {
                remove::remove_tree(&path)?;
            }
        }
        match fs::remove_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.attempt("remove", &self.0),
        }
    }

    /// Returns where the tree of a release is written: a path at which nothing is.
    pub(crate) fn free_path(&self, hash: &Digest) -> PathBuf {
        let mut path = self.0.join(hash.hex());
        let mut count = 1;
        while path.symlink_metadata().is_ok() {
            count += 1;
            path = self.0.join(format!("{}-{count}", hash.hex()));
        }
        path
    }

    /// Returns where a release waits to be looked at once more, out of everybody's reach.
    pub(crate) fn moved(&self, hash: &Digest) -> PathBuf {
        self.0.join(format!("{MOVED}{}", hash.hex()))
    }

    /// Returns where an old tree of a release is removed.
    pub(crate) fn garbage(&self, hash: &Digest) -> PathBuf {
        self.0.join(format!("{GARBAGE}{}", hash.hex()))
    }
}

/// Returns which release lies at a path in staging that was moved there and not looked at again.
pub(crate) fn moved_tree(path: &Path) -> Option<Digest> {
    let name = path.file_name()?.to_str()?;
    Digest::from_hex(name.strip_prefix(MOVED)?).ok()
}

/// Tells whether the installer gives such a name to what it makes in staging.
pub(crate) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        let name = [MOVED, GARBAGE]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        let (hex, count) = name.split_once('-').unwrap_or((name, "2"));
        Digest::from_hex(hex).is_ok() && count.parse::<u32>().is_ok()
    })
}

/// Returns what runs before this one left: every path in their staging directories, and then the
/// directories.
pub(crate) fn left(site: &Site) -> Result<Vec<PathBuf>, FileError> {
    let folder = site.folder();
    let mut paths = Vec::new();
    for name in names(folder)? {
        if name.to_str().is_some_and(Site::is_staging) {
            let directory = folder.join(name);
            // A link could lead anywhere; only its own name goes.
            if directory
                .symlink_metadata()
                .is_ok_and(|found| found.is_dir())
            {
                let inside = names(&directory)?;
                paths.extend(inside.iter().map(|name| directory.join(name)));
            }
            paths.push(directory);
        }
    }
    Ok(paths)
}

fn names(directory: &Path) -> Result<Vec<std::ffi::OsString>, FileError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).attempt("list", directory),
    };
    entries
        .map(|entry| Ok(entry.attempt("list", directory)?.file_name()))
        .collect()
}
