//! The pieces of a delta that are for the payload: which are taken, and how each becomes the content
//! of a frame.

use std::ops::Range;
use std::path::PathBuf;

use bulla_bundle::{ReceivedPiece, TarPart, VerifiedBundle};
use bulla_schemas::Digest;
use bulla_schemas::frames::FrameRecord;

use super::base::{self, Base};
use super::delta;
use crate::observer::Observer;
use crate::tree::older_tar::OlderTar;

/// Most bytes of contents, which are held in memory until they are written. What is beyond is
/// fetched into the spool.
const CONTENTS: u64 = 32 * 1024 * 1024;
/// Most bytes of dictionaries, which are read from a tree: twice as many as of contents, because a
/// frame is like the two that stood in its place.
const DICTIONARIES: u64 = 2 * CONTENTS;

/// Pieces for the payload, and what they are made with.
#[derive(Default)]
pub(crate) struct Pieces {
    /// Bytes of the whole delta.
    size: u64,
    /// The tree of the release that it begins with.
    tree: PathBuf,
    by_position: Vec<Piece>,
}

struct Piece {
    received: ReceivedPiece,
    dictionary: Vec<TarPart>,
    /// The frames of the older payload that the dictionary is made of.
    frames: Vec<FrameRecord>,
}

impl Pieces {
    /// Takes the pieces of a delta of `size` bytes, as many of them as may be held in memory.
    pub(super) fn take(
        size: u64,
        received: Vec<ReceivedPiece>,
        base: &Base<'_>,
        bundle: &VerifiedBundle,
    ) -> Self {
        let received = bounded(received);
        let older = base.parts().payload_frames();
        let runs = received
            .iter()
            .map(|received| older.get(received.piece().from()).unwrap_or_default());
        let ranges: Vec<_> = runs.clone().map(base::range_of).collect();
        let parts = if ranges.iter().all(Range::is_empty) {
            None
        } else {
            base.index()
        };
        let parts = parts.and_then(|index| bundle.parts_of_older_tar(index, &ranges));
        // Without, only pieces that need none are of use.
        let parts = parts.unwrap_or_else(|| vec![Vec::new(); ranges.len()]);
        let records = runs.map(|run| run.iter().map(|frame| frame.record).collect());
        let records: Vec<_> = records.collect();
        let made = received.into_iter().zip(parts).zip(records);
        let made = made.map(|((received, dictionary), frames)| Piece {
            received,
            dictionary,
            frames,
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
    pub(crate) fn decoder<'a>(&'a self, observer: &'a dyn Observer) -> Decoder<'a> {
        Decoder {
            pieces: self,
            tar: None,
            observer,
            was_said: false,
        }
    }
}

/// Returns the first pieces, as many as are within the bounds.
fn bounded(received: Vec<ReceivedPiece>) -> Vec<ReceivedPiece> {
    let (mut contents, mut dictionaries) = (0, 0);
    let is_within = |received: &ReceivedPiece| {
        contents += received.piece().frame().record.size;
        dictionaries += received.piece().dictionary_size();
        contents <= CONTENTS && dictionaries <= DICTIONARIES
    };
    received.into_iter().take_while(is_within).collect()
}

/// Decodes pieces with what lies in the older tree.
pub(crate) struct Decoder<'a> {
    pieces: &'a Pieces,
    tar: Option<OlderTar>,
    observer: &'a dyn Observer,
    /// Whether it was said that a piece is wrong.
    was_said: bool,
}

impl Decoder<'_> {
    /// Returns the content of the frame at a position, which has its digest; `None` where there is
    /// no piece for it, or the older tree is not what it was, or the piece is wrong, which is said.
    pub(crate) fn content(&mut self, position: usize) -> Option<Vec<u8>> {
        let pieces = &self.pieces.by_position;
        let found =
            pieces.binary_search_by_key(&position, |piece| piece.received.piece().position());
        let piece = &pieces[found.ok()?];
        let dictionary = self.dictionary(piece)?;
        match piece.received.decode(&dictionary) {
            Ok(content) => Some(content),
            Err(error) => {
                if !std::mem::replace(&mut self.was_said, true) {
                    delta::say(&error, self.observer);
                }
                None
            }
        }
    }

    /// Reads the dictionary of a piece, and compares it with the digests of the frames that it is.
    fn dictionary(&mut self, piece: &Piece) -> Option<Vec<u8>> {
        if piece.frames.is_empty() {
            return Some(Vec::new());
        }
        if self.tar.is_none() {
            self.tar = OlderTar::open(&self.pieces.tree).ok();
        }
        let dictionary = self.tar.as_mut()?.read(&piece.dictionary).ok()?;
        let mut rest = &dictionary[..];
        for frame in &piece.frames {
            let (content, behind) = rest.split_at_checked(usize::try_from(frame.size).ok()?)?;
            if Digest::of(content) != frame.digest {
                return None;
            }
            rest = behind;
        }
        rest.is_empty().then_some(dictionary)
    }
}
