//! The entries of a revision, wherever the content of each lies.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;
use tempfile::TempDir;

use super::externals::External;
use super::line_ends::LineEnds;
use super::pristine::{Checksum, Pristine};
use crate::select::Filter;
use crate::source::{ContentId, SourceError, Tracked, TrackedKind, Tree, disk};

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
    /// Holds what was exported; removed when it is dropped.
    pub(super) export: Option<TempDir>,
}

impl Layer {
    pub(super) fn add(&mut self, path: Vec<u8>, kind: TrackedKind, place: Place) {
        self.tracked.push(Tracked { path, kind });
        self.places.push(place);
    }
}

/// A revision as it is packed.
pub(super) struct SvnTree {
    tracked: Vec<Tracked>,
    places: Vec<Place>,
    _exports: Vec<TempDir>,
}

impl SvnTree {
    pub(super) fn new(mut layer: Layer) -> Self {
        for external in std::mem::take(&mut layer.externals) {
            layer.add(
                external.path.into_bytes(),
                TrackedKind::External,
                Place::Nowhere,
            );
        }
        Self {
            tracked: layer.tracked,
            places: layer.places,
            _exports: layer.export.into_iter().collect(),
        }
    }
}

impl Tree for SvnTree {
    fn tracked(&self) -> &[Tracked] {
        &self.tracked
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        match &self.places[position] {
            Place::Pristine {
                pristine,
                checksum,
                line_ends,
            } => pristine.open(*checksum, *line_ends),
            Place::Target(target) => Ok(Content::Memory(target.clone())),
            Place::File(path) => disk::open(path, self.tracked[position].kind),
            Place::Nowhere => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        }
    }

    fn id(&self, position: usize) -> Option<ContentId> {
        match &self.places[position] {
            Place::Pristine {
                checksum,
                line_ends,
                ..
            } => checksum.content_id(*line_ends),
            Place::Nowhere | Place::Target(_) | Place::File(_) => None,
        }
    }

    fn resolve(
        self: Box<Self>,
        _section: &SourceSection,
        _filter: &Filter,
    ) -> Result<Box<dyn Tree>, SourceError> {
        Ok(self)
    }
}
