//! `PartialIndex`: an index that arrives in frames, in any order, in the memory of one index.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bulla_schemas::Digest;

use super::error::{Part, VerifyError};
use super::frames::decode;
use super::parts::VerifiedParts;
use crate::frame::{self, Frame};

/// An index of which some frames may be missing.
#[derive(Debug)]
pub struct PartialIndex<'a> {
    parts: &'a VerifiedParts,
    index: Vec<u8>,
    /// Which frames are in it.
    has: Vec<bool>,
}

impl VerifiedParts {
    /// Begins to put the index together.
    pub fn partial_index(&self) -> PartialIndex<'_> {
        // The sums agree, and the release document's size is within limits.
        let size = self.index_frames().last().map_or(0, Frame::end);
        PartialIndex {
            parts: self,
            index: vec![0; usize::try_from(size).unwrap_or(0)],
            has: vec![false; self.index_frames().len()],
        }
    }

    /// Checks and decompresses the whole index blob.
    pub fn decode_index(&self, blob: &[u8]) -> Result<Vec<u8>, VerifyError> {
        let expected = self.manifest().index().size;
        let found = blob.len() as u64;
        if found != expected {
            return Err(VerifyError::Size {
                part: Part::Index,
                expected,
                found,
            });
        }
        let mut index = self.partial_index();
        index.decode_run(&(0..expected), blob)?;
        Ok(index.into_bytes())
    }
}

impl PartialIndex<'_> {
    /// Tells whether another index has frames that are missing.
    pub fn misses_some_of(&self, frames: &[Frame]) -> bool {
        let known: HashSet<Digest> = frames.iter().map(|frame| frame.record.digest).collect();
        let mut ours = self.parts.index_frames().iter().zip(&self.has);
        ours.any(|(frame, has)| !has && known.contains(&frame.record.digest))
    }

    /// Takes what another index has too, such as an older release's on this disk. It may be damaged.
    pub fn take_from(&mut self, frames: &[Frame], index: &[u8]) {
        let known: HashMap<Digest, &Frame> = frames
            .iter()
            .map(|frame| (frame.record.digest, frame))
            .collect();
        for (position, frame) in self.parts.index_frames().iter().enumerate() {
            if self.has[position] {
                continue;
            }
            let digest = frame.record.digest;
            let content = known.get(&digest).and_then(|known| known.content_in(index));
            if let Some(content) = content.filter(|content| Digest::of(content) == digest) {
                self.put(position, content);
            }
        }
    }

    /// Puts in the content of one frame, unless that has another digest than its frame.
    pub fn add(&mut self, position: usize, content: &[u8]) {
        let frame = self.parts.index_frames().get(position);
        if frame.is_some_and(|frame| Digest::of(content) == frame.record.digest) {
            self.put(position, content);
        }
    }

    /// Returns where the frames that are missing lie in the index blob.
    pub fn missing(&self) -> impl Iterator<Item = Range<u64>> {
        let frames = self.parts.index_frames().iter().zip(&self.has);
        frames
            .filter(|(_, has)| !**has)
            .map(|(frame, _)| frame.span())
    }

    /// Checks and decompresses the frames that lie in `run` of the index blob, whose bytes are
    /// `bytes`, unless they are there already.
    pub fn decode_run(&mut self, run: &Range<u64>, bytes: &[u8]) -> Result<(), VerifyError> {
        let frames = self.parts.index_frames();
        for (position, frame) in frames.iter().enumerate() {
            let span = frame.span();
            if self.has[position] || span.start < run.start || span.end > run.end {
                continue;
            }
            let compressed = frame::slice(bytes, span.start - run.start, span.end - span.start);
            if let Some(compressed) = compressed {
                let content = decode(Part::Index, frames, position, compressed)?;
                self.put(position, &content);
            }
        }
        Ok(())
    }

    /// Returns the index, which [`VerifiedParts::verify`] checks. What is missing in it is zeros.
    pub fn into_bytes(self) -> Vec<u8> {
        self.index
    }

    fn put(&mut self, position: usize, content: &[u8]) {
        let frame = &self.parts.index_frames()[position];
        if let Some(place) = frame::slice_mut(&mut self.index, frame.offset, frame.record.size)
            && place.len() == content.len()
        {
            place.copy_from_slice(content);
            self.has[position] = true;
        }
    }
}
