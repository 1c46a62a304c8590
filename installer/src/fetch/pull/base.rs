//! `Base`: the release on this disk that a new one is made from.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::PathBuf;

use bulla_bundle::{Frame, VerifiedParts};
use bulla_schemas::Digest;

use crate::site::Site;
use crate::state::bundles;

/// A release of which the bundle is kept here. Its index is read once, when it is needed, and may be
/// damaged.
pub(super) struct Base<'a> {
    site: &'a Site,
    parts: VerifiedParts,
    index: OnceCell<Option<Vec<u8>>>,
}

impl<'a> Base<'a> {
    /// Returns the first of the `known` releases that is kept and not the wanted one.
    pub(super) fn find(site: &'a Site, known: &[Digest], wanted: &Digest) -> Option<Self> {
        let mut others = known.iter().filter(|hash| *hash != wanted);
        let parts = others.find_map(|hash| bundles::read_parts(site, hash).ok()?)?;
        Some(Self {
            site,
            parts,
            index: OnceCell::new(),
        })
    }

    pub(super) const fn hash(&self) -> Digest {
        self.parts.hash()
    }

    pub(super) const fn parts(&self) -> &VerifiedParts {
        &self.parts
    }

    /// Returns where its tree should be.
    pub(super) fn tree(&self) -> PathBuf {
        self.site.tree(&self.hash())
    }

    /// Returns the index as it lies on the disk.
    pub(super) fn index(&self) -> Option<&[u8]> {
        let read = || bundles::read_index(self.site, &self.hash()).ok();
        self.index.get_or_init(read).as_deref()
    }

    /// Returns the content of some frames of the index, one behind the other, if it has their
    /// digests.
    pub(super) fn index_content(&self, frames: Range<usize>) -> Option<&[u8]> {
        let frames = self.parts.index_frames().get(frames)?;
        let index = self.index()?;
        let is_intact = |frame: &Frame| {
            let content = frame.content_in(index);
            content.is_some_and(|content| Digest::of(content) == frame.record.digest)
        };
        let range = range_of(frames);
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let content = index.get(range)?;
        frames.iter().all(is_intact).then_some(content)
    }
}

/// Returns where frames that follow each other lie in the tar or the index.
pub(super) fn range_of(frames: &[Frame]) -> Range<u64> {
    let start = frames.first().map_or(0, |frame| frame.offset);
    start..frames.last().map_or(start, Frame::end)
}
