//! What a delta brings of the payload: its pieces, and the frames beside them that are in both
//! releases.
//!
//! ```text
//! piece                    content compressed with frames of the older payload, or a frame as it is
//! frame of both releases   needed where a large file changed: a part of it stayed what it was
//! ```
//!
//! Frames of the older payload are made again from the older tree.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::ops::Range;
use std::path::PathBuf;

use bulla_bundle::{DeltaError, Frame, ReceivedPiece, TarPart, VerifiedBundle};
use bulla_schemas::Digest;
use bulla_schemas::frames::FrameRecord;

use super::base::{self, Base};
use super::delta;
use crate::observer::Observer;
use crate::tree::older_tar::OlderTar;

/// Most bytes of contents that are held in memory until they are written. What is beyond is
/// compressed again, which takes longer, and lies in the spool.
const CONTENTS: u64 = 32 * 1024 * 1024;
/// Most bytes of the dictionaries of all pieces: as much as a registry of ours reads for a delta. A
/// list of what they are made of is held in memory, which is as large as they are in a tree of empty
/// files. Pieces beyond are not used.
const DICTIONARIES: u64 = 128 * 1024 * 1024;

/// Frames of a payload that need not be fetched.
#[derive(Default)]
pub(crate) struct Pieces {
    /// Bytes of the whole delta.
    size: u64,
    /// The tree of the release that it begins with.
    tree: PathBuf,
    by_position: Vec<Piece>,
}

struct Piece {
    position: usize,
    /// What came; nothing for a frame that both releases have.
    received: Option<ReceivedPiece>,
    /// What older frames, one behind the other, are made of.
    older: Vec<TarPart>,
    records: Vec<FrameRecord>,
}

impl Pieces {
    /// Takes the pieces of a delta of `size` bytes.
    pub(super) fn take(
        size: u64,
        received: Vec<ReceivedPiece>,
        base: &Base<'_>,
        bundle: &VerifiedBundle,
    ) -> Self {
        let frames = base.parts().payload_frames();
        let received = bounded(received);
        let mut needed: Vec<(usize, Option<ReceivedPiece>, Range<usize>)> = Vec::new();
        needed.extend(
            shared(&received, frames, bundle).map(|(position, at)| (position, None, at..at + 1)),
        );
        needed.extend(received.into_iter().map(|received| {
            let piece = received.piece();
            let (position, from) = (piece.position(), piece.from());
            (position, Some(received), from)
        }));
        needed.sort_by_key(|(position, ..)| *position);
        let runs = needed
            .iter()
            .map(|(.., from)| frames.get(from.clone()).unwrap_or_default());
        let ranges: Vec<_> = runs.clone().map(base::range_of).collect();
        let older = if ranges.iter().all(Range::is_empty) {
            None
        } else {
            base.index()
        };
        let older = older.and_then(|index| bundle.parts_of_older_tar(index, &ranges));
        // Without, only pieces that need none are of use.
        let older = older.unwrap_or_else(|| vec![Vec::new(); ranges.len()]);
        let records = runs.map(|run| run.iter().map(|frame| frame.record).collect());
        let records: Vec<_> = records.collect();
        let made = needed.into_iter().zip(older).zip(records);
        let made = made.map(|(((position, received, _), older), records)| Piece {
            position,
            received,
            older,
            records,
        });
        Self {
            size,
            tree: base.tree(),
            by_position: made.collect(),
        }
    }

    /// Returns how many bytes the whole delta had.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Begins to decode them.
    pub(crate) fn decoder<'a>(
        &'a self,
        bundle: &'a VerifiedBundle,
        observer: &'a dyn Observer,
    ) -> Decoder<'a> {
        Decoder {
            pieces: self,
            bundle,
            tar: None,
            held: 0,
            observer,
            was_said: false,
        }
    }
}

/// Returns the first pieces, up to the bound of their dictionaries.
fn bounded(received: Vec<ReceivedPiece>) -> Vec<ReceivedPiece> {
    let mut dictionaries = 0;
    let is_within = |received: &ReceivedPiece| {
        dictionaries += received.piece().dictionary_size();
        dictionaries <= DICTIONARIES
    };
    received.into_iter().take_while(is_within).collect()
}

/// Returns the frames that both releases have and that hold more of a file of which a part came:
/// where they are in the payload, and where in the older one.
fn shared(
    received: &[ReceivedPiece],
    older: &[Frame],
    bundle: &VerifiedBundle,
) -> impl Iterator<Item = (usize, usize)> {
    let layout = bundle.layout();
    let mut beside = BTreeSet::new();
    for frame in received.iter().map(|received| received.piece().frame()) {
        let first = layout.partition_point(|span| span.content.end <= frame.offset);
        let end = layout.partition_point(|span| span.content.start < frame.end());
        // Only a file at an end of the frame goes on in another one.
        let at_ends = layout.get(first..end).unwrap_or_default();
        for span in at_ends.first().into_iter().chain(at_ends.last()) {
            beside.extend(bundle.frames_of(span.content.clone()));
        }
    }
    let known: HashMap<Digest, usize> = older
        .iter()
        .enumerate()
        .map(|(at, frame)| (frame.record.digest, at))
        .collect();
    let digest = |position: usize| bundle.payload_frames()[position].record.digest;
    let shared = move |position: usize| Some((position, *known.get(&digest(position))?));
    let shared: Vec<_> = beside.into_iter().filter_map(shared).collect();
    shared.into_iter()
}

/// A frame that need not be fetched.
pub(crate) enum Decoded {
    /// Its content.
    Content(Vec<u8>),
    /// The frame as it stands in the payload.
    Frame(Vec<u8>),
}

/// Decodes pieces with what lies in the older tree.
pub(crate) struct Decoder<'a> {
    pieces: &'a Pieces,
    bundle: &'a VerifiedBundle,
    tar: Option<OlderTar>,
    /// Bytes of contents that were returned.
    held: u64,
    observer: &'a dyn Observer,
    /// Whether it was said that a piece is wrong.
    was_said: bool,
}

impl Decoder<'_> {
    /// Returns the frame at a position, which has its digests; `None` where there is no piece for it,
    /// or the older tree is not what it was, or the piece is wrong, which is said.
    pub(crate) fn decode(&mut self, position: usize) -> Option<Decoded> {
        let pieces = &self.pieces.by_position;
        let at = pieces.binary_search_by_key(&position, |piece| piece.position);
        let piece = &pieces[at.ok()?];
        let older = self.older(piece)?;
        let content = match &piece.received {
            None => older,
            Some(received) if piece.records.is_empty() => {
                let frame = received.frame(&older, &self.bundle.release().codec);
                let frame = frame.map_err(|error| self.say(&error)).ok()?;
                return Some(Decoded::Frame(frame.to_vec()));
            }
            Some(received) => {
                let content = received.decode(&older);
                content.map_err(|error| self.say(&error)).ok()?
            }
        };
        let held = self.held + content.len() as u64;
        if held > CONTENTS {
            let frame = self.bundle.compress_frame(position, &content);
            return frame.map(Decoded::Frame);
        }
        self.held = held;
        Some(Decoded::Content(content))
    }

    /// Makes the older frames of a piece again, and compares them with their digests.
    fn older(&mut self, piece: &Piece) -> Option<Vec<u8>> {
        if piece.records.is_empty() {
            return Some(Vec::new());
        }
        if self.tar.is_none() {
            self.tar = OlderTar::open(&self.pieces.tree).ok();
        }
        let older = self.tar.as_mut()?.read(&piece.older).ok()?;
        let mut rest = &older[..];
        for record in &piece.records {
            let (content, behind) = rest.split_at_checked(usize::try_from(record.size).ok()?)?;
            if Digest::of(content) != record.digest {
                return None;
            }
            rest = behind;
        }
        rest.is_empty().then_some(older)
    }

    /// Says, once, that a piece is wrong.
    fn say(&mut self, error: &DeltaError) {
        if !mem::replace(&mut self.was_said, true) {
            delta::say(error, self.observer);
        }
    }
}
