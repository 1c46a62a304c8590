//! Which frames of an earlier payload stand in the new one, told without reading a file.
//!
//! ```text
//! old tar   |  run 0      |xx|   run 1        |     xx: entries that are gone or changed
//! old cuts  ^     ^     ^    ^      ^     ^   ^
//! new tar   |  run 0      |yyyy|   run 1        |   yy: entries that are new or changed
//! kept      [     ][    ]         [     ][    ]
//! ```
//!
//! A run is the bytes of entries that follow each other in both tars. A cut depends on nothing but
//! the bytes from the cut before to a little behind it, so where the new tar is cut at a place at
//! which the old one was, and the old frame lies in the run, the new frame is the same.

use std::iter;
use std::ops::Range;

use bulla_schemas::frames::FrameRecord;
use bulla_schemas::index::IndexEntry;

use super::cache::Previous;
use crate::canonical::{END, TarSpan, layout};
use crate::cut::LOOK_AHEAD;

/// The old frames, and where they may be kept.
pub(super) struct Kept<'a> {
    records: &'a [FrameRecord],
    /// Where each frame begins in the old tar.
    starts: Vec<u64>,
    old_size: u64,
    runs: Vec<Run>,
}

/// The same bytes in both tars.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    old: Range<u64>,
    new: u64,
}

impl<'a> Kept<'a> {
    /// Compares the entries; `None` when the previous bundle contradicts itself.
    pub(super) fn new(
        previous: &'a Previous,
        entries: &[IndexEntry],
        spans: &[TarSpan],
        size: u64,
    ) -> Option<Self> {
        let (old_spans, old_size) = layout(&previous.entries)?;
        let mut starts = Vec::with_capacity(previous.payload.len());
        let mut end = 0_u64;
        for record in &previous.payload {
            starts.push(end);
            end = end.checked_add(record.size)?;
        }
        let old = Side {
            entries: &previous.entries,
            spans: &old_spans,
            size: old_size,
        };
        let new = Side {
            entries,
            spans,
            size,
        };
        (end == old_size).then(|| Self {
            records: &previous.payload,
            starts,
            old_size,
            runs: runs(&old, &new),
        })
    }

    /// Returns the old frame that begins at this cut of the new tar, if it is the new frame too.
    pub(super) fn frame_at(&self, offset: u64) -> Option<FrameRecord> {
        let run = self.runs.partition_point(|run| run.new <= offset);
        let run = self.runs.get(run.checked_sub(1)?)?;
        let old = run.old.start + (offset - run.new);
        let record = *self.records.get(self.starts.binary_search(&old).ok()?)?;
        let end = old + record.size;
        let is_last = end == self.old_size && run.old.end == self.old_size;
        (is_last || end + LOOK_AHEAD as u64 <= run.old.end).then_some(record)
    }
}

/// The entries of one tar and where they lie.
struct Side<'a> {
    entries: &'a [IndexEntry],
    spans: &'a [TarSpan],
    size: u64,
}

impl Side<'_> {
    /// Where the entry begins; behind the last one, where the end of the tar begins.
    fn start(&self, position: usize) -> u64 {
        match self.spans.get(position) {
            Some(span) => span.start,
            None => self.size - END.len() as u64,
        }
    }

    /// Where the entry ends, or the tar.
    fn end(&self, position: usize) -> u64 {
        if position < self.spans.len() {
            self.start(position + 1)
        } else {
            self.size
        }
    }
}

fn runs(old: &Side<'_>, new: &Side<'_>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut next = (0, 0);
    for (before, now) in pairs(old.entries, new.entries) {
        let end = old.end(before);
        match runs.last_mut().filter(|_| (before, now) == next) {
            Some(run) => run.old.end = end,
            None => runs.push(Run {
                old: old.start(before)..end,
                new: new.start(now),
            }),
        }
        next = (before + 1, now + 1);
    }
    runs
}

/// Returns the positions of equal entries in both lists, and of the two ends, which are equal.
fn pairs<'a>(
    old: &'a [IndexEntry],
    new: &'a [IndexEntry],
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let (mut before, mut now) = (0, 0);
    let equal = iter::from_fn(move || {
        while let (Some(left), Some(right)) = (old.get(before), new.get(now)) {
            let pair = (before, now);
            let order = left.path.cmp(&right.path);
            before += usize::from(order.is_le());
            now += usize::from(order.is_ge());
            if order.is_eq() && left.kind == right.kind {
                return Some(pair);
            }
        }
        None
    });
    equal.chain([(old.len(), new.len())])
}
