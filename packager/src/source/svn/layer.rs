//! The entries of one directory at one revision, before its externals are put into it.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_svn::externals::External;
use bulla_svn::{Checksum, LineEnds, Pristine};
use tempfile::TempDir;

use super::externals::above::FromAbove;
use crate::source::{Tracked, TrackedKind, join};

/// Where the content of an entry is.
#[derive(Debug)]
pub(super) enum Place {
    /// Nowhere: a directory or an external.
    Nowhere,
    /// Among the pristine texts of a working copy.
    Pristine {
        pristine: Arc<Pristine>,
        checksum: Checksum,
        line_ends: LineEnds,
    },
    /// Here: the target of a link.
    Target(Vec<u8>),
    /// In a file that was exported.
    File(PathBuf),
}

/// The entries of one directory at one revision, and the externals that belong there.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) tracked: Vec<Tracked>,
    pub(super) places: Vec<Place>,
    pub(super) externals: Vec<External>,
    /// Externals that a directory above defines.
    pub(super) from_above: Vec<FromAbove>,
    /// Files of externals that a working copy already has.
    pub(super) files: Vec<FileExternal>,
    /// Names next to those of an external, in a working copy, that Subversion does not know.
    pub(super) untracked: Vec<String>,
    /// Holds what was exported; removed when it is dropped.
    pub(super) export: Option<TempDir>,
}

/// A file that an external put into a working copy.
#[derive(Debug)]
pub(super) struct FileExternal {
    /// The path from the top of the layer.
    pub(super) path: String,
    /// Where it comes from.
    pub(super) url: String,
    pub(super) root: String,
    pub(super) revision: u64,
    pub(super) kind: TrackedKind,
    pub(super) place: Place,
}

impl Layer {
    pub(super) fn add(&mut self, path: Vec<u8>, kind: TrackedKind, place: Place) {
        self.tracked.push(Tracked { path, kind });
        self.places.push(place);
    }

    /// Puts everything below the directory `top`; an entry without a path becomes `top` itself.
    pub(super) fn move_below(&mut self, top: &str) {
        let mut has_top = false;
        for tracked in &mut self.tracked {
            if tracked.path.is_empty() {
                tracked.path = top.as_bytes().to_vec();
                has_top = true;
            } else {
                tracked.path = join(top.as_bytes(), &tracked.path);
            }
        }
        for name in &mut self.untracked {
            *name = format!("{top}/{name}");
        }
        if !has_top {
            self.add(
                top.as_bytes().to_vec(),
                TrackedKind::Directory,
                Place::Nowhere,
            );
        }
    }
}
