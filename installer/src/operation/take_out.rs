//! Takes trees that no release needs out of `releases/`, so that nothing of a person's goes with
//! them. Between a look at a tree and its rename, a file can be written, a disk mounted, a process
//! begin to work in it: so it is looked at once more where no path of people's leads any more.
//!
//! ```text
//! releases/<hash>  ─rename─▶  .staging/moved-<hash>
//!     used or changed          ─rename─▶  releases/<hash>
//!     as it was installed      ─rename─▶  where it is recycled or removed
//! ```
//!
//! A run that dies in between leaves a moved tree, which the next one puts back.

use std::fs;
use std::path::{Path, PathBuf};

use bulla_schemas::Digest;

use crate::failpoint::failpoint;
use crate::live::processes::Uses;
use crate::platform::files::{Attempt as _, FileError};
use crate::site::Site;
use crate::tree::obstacle::Obstacle;
use crate::tree::staging::Staging;
use crate::tree::{TreeError, releases};

/// Why a tree was not taken out.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTakenOut {
    /// Something uses it.
    #[error(transparent)]
    Used(#[from] Obstacle),
    /// A person's data can be in it.
    #[error("`{}` was changed a moment ago", path.display())]
    Changed { path: PathBuf },
    /// It cannot be a release again, and waits for a person.
    #[error("it was used or changed a moment ago and lies in `{}`", path.display())]
    NotPutBack {
        path: PathBuf,
        #[source]
        error: FileError,
    },
    /// The operating system refused.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl From<FileError> for NotTakenOut {
    fn from(error: FileError) -> Self {
        Self::Tree(error.into())
    }
}

/// A tree that no path of people's leads to any more.
#[derive(Debug)]
pub(super) struct Moved {
    hash: Digest,
    path: PathBuf,
}

impl Moved {
    /// Moves the tree of a release.
    pub(super) fn out(site: &Site, staging: &Staging, hash: Digest) -> Result<Self, FileError> {
        let path = staging.moved(&hash);
        releases::move_out(site, &hash, &path)?;
        failpoint!("take-out::moved");
        Ok(Self { hash, path })
    }

    pub(super) const fn hash(&self) -> &Digest {
        &self.hash
    }

    /// Moves the tree on and forgets the release when nothing uses it and it is unchanged; else it
    /// is a release again. `uses` were looked for after the tree was moved.
    pub(super) fn settle(
        self,
        site: &Site,
        uses: &Uses,
        is_unchanged: impl FnOnce(&Path) -> bool,
        to: &Path,
    ) -> Result<(), NotTakenOut> {
        let tree = site.tree(&self.hash);
        // Uses first: what a process wrote that ended since is seen in the tree.
        let reason = match uses.of_moved(&self.path, &tree) {
            Some(obstacle) => NotTakenOut::Used(obstacle),
            None if !is_unchanged(&self.path) => NotTakenOut::Changed { path: tree },
            None => {
                fs::rename(&self.path, to).attempt("move", &self.path)?;
                failpoint!("releases::moved");
                return Ok(releases::forget(site, &self.hash)?);
            }
        };
        match releases::put_back(site, &self.hash, &self.path) {
            Ok(()) => Err(reason),
            Err(error) => Err(NotTakenOut::NotPutBack {
                path: self.path,
                error,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::stamp::Stamp;
    use crate::site::Server;
    use crate::state::record::{RecordedFile, TreeRecord};
    use crate::tree::compare::is_untouched;

    /// A site with the tree of a release, and its record.
    fn release(folder: &Path) -> (Site, TreeRecord) {
        let server = Server::new(folder.join("srv"), folder.join("state"));
        let site = server.site(&"acme/billing".parse().unwrap());
        let hash = Digest::of(b"release");
        let path = site.tree(&hash).join("file");
        fs::create_dir_all(site.tree(&hash)).unwrap();
        fs::write(&path, "file").unwrap();
        let mut record = TreeRecord::of_nothing(hash, 1);
        record.is_as_written = true;
        record.add_file(RecordedFile {
            path: "file",
            executable: false,
            stamp: Stamp::of(fs::File::open(path).unwrap()).unwrap(),
            digest: Digest::of(b"file"),
        });
        (site, record)
    }

    fn take_out(site: &Site, staging: &Staging, record: &TreeRecord) -> Result<(), NotTakenOut> {
        let moved = Moved::out(site, staging, record.hash).unwrap();
        let uses = Uses::of_project(site);
        let to = staging.garbage(&record.hash);
        moved.settle(site, &uses, |path| is_untouched(record, path), &to)
    }

    #[test]
    fn an_unchanged_tree_goes_and_what_came_just_before_the_move_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (site, record) = release(folder.path());
        let staging = Staging::create(&site).unwrap();
        let tree = site.tree(&record.hash);
        fs::write(tree.join("precious"), "precious").unwrap();
        let error = take_out(&site, &staging, &record).unwrap_err();
        assert!(matches!(error, NotTakenOut::Changed { path } if path == tree));
        assert_eq!(fs::read(tree.join("precious")).unwrap(), b"precious");
        fs::remove_file(tree.join("precious")).unwrap();
        take_out(&site, &staging, &record).unwrap();
        assert!(!tree.exists());
        assert!(staging.garbage(&record.hash).join("file").exists());
    }

    #[test]
    fn a_tree_whose_name_was_taken_meanwhile_stays_in_staging() {
        let folder = tempfile::tempdir().unwrap();
        let (site, record) = release(folder.path());
        let staging = Staging::create(&site).unwrap();
        let tree = site.tree(&record.hash);
        fs::write(tree.join("precious"), "precious").unwrap();
        let moved = Moved::out(&site, &staging, record.hash).unwrap();
        fs::create_dir(&tree).unwrap();
        let uses = Uses::of_project(&site);
        let to = staging.garbage(&record.hash);
        let settled = moved.settle(&site, &uses, |path| is_untouched(&record, path), &to);
        assert!(matches!(settled, Err(NotTakenOut::NotPutBack { .. })));
        let precious = staging.moved(&record.hash).join("precious");
        staging.remove().unwrap_err();
        assert!(precious.exists());
        crate::live::sweep::sweep(&site).unwrap();
        assert!(precious.exists());
        fs::remove_dir(&tree).unwrap();
        fs::create_dir_all(site.state()).unwrap();
        crate::live::sweep::sweep(&site).unwrap();
        assert_eq!(fs::read(tree.join("precious")).unwrap(), b"precious");
    }
}
