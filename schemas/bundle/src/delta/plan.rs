//! Which frames one bundle lacks of another, and which of its own are likest to each.

use std::collections::HashSet;
use std::ops::Range;

use bulla_schemas::Digest;

use super::alignment::{Run, runs};
use super::piece::DeltaPiece;
use crate::frame::Frame;
use crate::verify::{Part, VerifiedParts};

/// How far around its place a piece looks for what it is like, in bytes: the frames of the payload
/// have that size on average.
const AROUND: u64 = 512 * 1024;

/// The pieces that turn one bundle into another. A function of the two frame tables alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaPlan {
    pieces: Vec<DeltaPiece>,
}

impl DeltaPlan {
    /// Plans the delta that turns `have` into `want`.
    pub fn new(have: &VerifiedParts, want: &VerifiedParts) -> Self {
        let of = |part| pieces(part, have.frames(part), want.frames(part));
        let parts = [Part::Index, Part::Payload];
        Self {
            pieces: parts.into_iter().flat_map(of).collect(),
        }
    }

    /// Returns the pieces: those of the index first, each by position.
    pub fn pieces(&self) -> &[DeltaPiece] {
        &self.pieces
    }

    /// Returns how many bytes are decompressed and compressed to make the delta: contents of all
    /// pieces and dictionaries.
    pub fn work(&self) -> u64 {
        let work = |piece: &DeltaPiece| piece.frame.record.size + piece.dictionary_size;
        self.pieces.iter().map(work).sum()
    }
}

fn pieces<'a>(
    part: Part,
    have: &'a [Frame],
    want: &'a [Frame],
) -> impl Iterator<Item = DeltaPiece> + 'a {
    let known: HashSet<Digest> = have.iter().map(|frame| frame.record.digest).collect();
    runs(have, want).into_iter().flat_map(move |run| {
        let new = run.new.clone();
        let missing = new.filter(|position| !known.contains(&want[*position].record.digest));
        let pieces = missing.map(|position| {
            let from = dictionary(have, want, &run, position);
            DeltaPiece::new(part, position, want[position], from, have)
        });
        pieces.collect::<Vec<_>>()
    })
}

/// Chooses the old frames of a run for one of its new ones: those around the same part of the way.
fn dictionary(have: &[Frame], want: &[Frame], run: &Run, position: usize) -> Range<usize> {
    let old = Stretch::of(have, &run.old);
    let new = Stretch::of(want, &run.new);
    let frame = &want[position];
    let start = new.part_of(old, frame.offset).saturating_sub(AROUND);
    let end = new.part_of(old, frame.end()) + AROUND;
    let frames = &have[run.old.clone()];
    let first = run.old.start + frames.partition_point(|frame| frame.end() <= start);
    let behind = run.old.start + frames.partition_point(|frame| frame.offset < end);
    let mut from = first..behind.max(first);
    // Frames fall off at the end that is further from the middle.
    let middle = start.midpoint(end);
    loop {
        let stretch = Stretch::of(have, &from);
        if stretch.length() <= DeltaPiece::DICTIONARY {
            return from;
        }
        if middle.abs_diff(stretch.start) > middle.abs_diff(stretch.end) {
            from.start += 1;
        } else {
            from.end -= 1;
        }
    }
}

/// The bytes that a run of frames has in its tar or index.
#[derive(Clone, Copy)]
struct Stretch {
    start: u64,
    end: u64,
}

impl Stretch {
    fn of(frames: &[Frame], run: &Range<usize>) -> Self {
        let run = frames.get(run.clone()).unwrap_or_default();
        Self {
            start: run.first().map_or(0, |frame| frame.offset),
            end: run.last().map_or(0, Frame::end),
        }
    }

    const fn length(self) -> u64 {
        self.end - self.start
    }

    /// Returns the place in `other` that is as far on its way as `offset` is on this one's.
    fn part_of(self, other: Self, offset: u64) -> u64 {
        let way = u128::from(offset - self.start) * u128::from(other.length());
        let part = way / u128::from(self.length().max(1));
        other.start + u64::try_from(part).unwrap_or(0)
    }
}
