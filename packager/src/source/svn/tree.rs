//! The entries of a revision, wherever the content of each lies.

use std::io;

use bulla_bundle::Content;
use bulla_schemas::recipe::SourceSection;
use bulla_svn::{Checksum, LineEnds, Text};
use tempfile::TempDir;

use super::externals::above;
use super::externals::mount::{Mount, MountBase};
use super::layer::{Layer, Place};
use crate::filter::Filter;
use crate::source::{ContentId, SourceError, Tracked, TrackedKind, Tree, disk, untracked_warning};

/// A revision as it is packed.
pub(super) struct SvnTree {
    base: MountBase,
    /// The entries; at the end one for each external that waits.
    layer: Layer,
    /// Holds what was exported.
    exports: Vec<TempDir>,
    warnings: Vec<String>,
}

impl SvnTree {
    pub(super) fn new(mut layer: Layer, base: MountBase) -> Self {
        for position in 0..layer.externals.len() {
            let path = layer.externals[position].path.clone().into_bytes();
            layer.add(path, TrackedKind::External, Place::Nowhere);
        }
        Self {
            base,
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
            } => Ok(match pristine.open(*checksum, *line_ends)? {
                Text::Memory(bytes) => Content::Memory(bytes),
                Text::Stream { size, reader } => Content::Stream { size, reader },
            }),
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
            } => content_id(*checksum, *line_ends),
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
        for mounted in Mount::all(&mut self.layer, &self.base, section, filter)? {
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

/// Names the content that a text is in a release.
fn content_id(checksum: Checksum, line_ends: LineEnds) -> Option<ContentId> {
    let bytes = checksum.as_bytes()?;
    match line_ends {
        LineEnds::Stored => Some(ContentId::SvnSha1(bytes)),
        LineEnds::Lf => Some(ContentId::SvnSha1Lf(bytes)),
        LineEnds::Cr | LineEnds::CrLf => None,
    }
}
