//! The entries of a revision, wherever the content of each lies.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;
use tempfile::TempDir;

use super::externals::External;
use super::externals::above::{self, FromAbove};
use super::externals::mount::{Mount, Origin};
use super::line_ends::LineEnds;
use super::pristine::{Checksum, Pristine};
use crate::filter::Filter;
use crate::source::{
    ContentId, SourceError, Tracked, TrackedKind, Tree, disk, join, untracked_warning,
};

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
    /// Names beside those of an external, in a working copy, that Subversion does not know.
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

/// A revision as it is packed.
pub(super) struct SvnTree {
    origin: Origin,
    /// The entries; at the end one for each external that waits.
    layer: Layer,
    /// Holds what was exported.
    exports: Vec<TempDir>,
    warnings: Vec<String>,
}

impl SvnTree {
    pub(super) fn new(mut layer: Layer, origin: Origin) -> Self {
        for position in 0..layer.externals.len() {
            let path = layer.externals[position].path.clone().into_bytes();
            layer.add(path, TrackedKind::External, Place::Nowhere);
        }
        Self {
            origin,
            exports: layer.export.take().into_iter().collect(),
            warnings: Vec::new(),
            layer,
        }
    }
}

impl Tree for SvnTree {
    fn tracked(&self) -> &[Tracked] {
        &self.layer.tracked
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        match &self.layer.places[position] {
            Place::Pristine {
                pristine,
                checksum,
                line_ends,
            } => pristine.open(*checksum, *line_ends),
            Place::Target(target) => Ok(Content::Memory(target.clone())),
            Place::File(path) => disk::open(path, self.layer.tracked[position].kind),
            Place::Nowhere => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        }
    }

    fn id(&self, position: usize) -> Option<ContentId> {
        match &self.layer.places[position] {
            Place::Pristine {
                checksum,
                line_ends,
                ..
            } => checksum.content_id(*line_ends),
            Place::Nowhere | Place::Target(_) | Place::File(_) => None,
        }
    }

    fn resolve(
        mut self: Box<Self>,
        section: &SourceSection,
        filter: &Filter,
    ) -> Result<Box<dyn Tree>, SourceError> {
        self.warnings = above::judge(&self.layer.from_above, filter)?;
        let own = self.layer.tracked.len() - self.layer.externals.len();
        self.layer.tracked.truncate(own);
        self.layer.places.truncate(own);
        for mounted in Mount::all(&mut self.layer, &self.origin, section, filter)? {
            self.layer.tracked.extend(mounted.tracked);
            self.layer.places.extend(mounted.places);
            self.layer.untracked.extend(mounted.untracked);
            self.exports.extend(mounted.export);
        }
        Ok(self)
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(untracked_warning(&std::mem::take(
            &mut self.layer.untracked,
        )));
        warnings
    }
}
