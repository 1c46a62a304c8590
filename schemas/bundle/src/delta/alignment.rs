//! Which run of old frames stands where a run of new ones stands now.
//!
//! ```text
//! old   a b c d e f        a, c, e: in both, each once, and in the same order
//! new   a x c e y z
//! runs  b -> x    f -> y z     (d is gone and nothing came for it)
//! ```

use std::collections::HashMap;
use std::ops::Range;

use bulla_schemas::Digest;

use crate::frame::Frame;

/// New frames, and the old ones between the same neighbours. Either may be empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Returns what lies between the frames that are in both lists in the same order.
pub(super) fn runs(old: &[Frame], new: &[Frame]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut next = Run {
        old: 0..0,
        new: 0..0,
    };
    for (before, now) in anchors(old, new)
        .into_iter()
        .chain([(old.len(), new.len())])
    {
        runs.push(Run {
            old: next.old.start..before,
            new: next.new.start..now,
        });
        next.old.start = before + 1;
        next.new.start = now + 1;
    }
    runs.retain(|run| !run.new.is_empty());
    runs
}

/// Returns the positions of frames that are in both lists: the longest chain that rises in both.
/// A frame that is in a list more than once says nothing about its place.
fn anchors(old: &[Frame], new: &[Frame]) -> Vec<(usize, usize)> {
    let places = once(old);
    let pairs: Vec<(usize, usize)> = {
        let ours = once(new);
        new.iter()
            .enumerate()
            .filter(|(now, frame)| ours.get(&frame.record.digest) == Some(&Some(*now)))
            .filter_map(|(now, frame)| Some(((*places.get(&frame.record.digest)?)?, now)))
            .collect()
    };
    longest_rising(&pairs)
}

/// Returns where each content stands that stands only once.
fn once(frames: &[Frame]) -> HashMap<Digest, Option<usize>> {
    let mut places = HashMap::with_capacity(frames.len());
    for (position, frame) in frames.iter().enumerate() {
        places
            .entry(frame.record.digest)
            .and_modify(|place| *place = None)
            .or_insert(Some(position));
    }
    places
}

/// Returns the longest part of `pairs` in which the first numbers rise, as patience sorting finds it.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair that ends the best chain of each length, and the pair before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (first, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *first);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut chain = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chain.push(pairs[at]);
        next = before[at];
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use bulla_schemas::frames::FrameRecord;

    use super::*;

    fn frames(names: &str) -> Vec<Frame> {
        let frame = |name: char| {
            let digest = Digest::of(name.to_string().as_bytes());
            Frame {
                record: FrameRecord {
                    compressed_size: 1,
                    size: 1,
                    compressed_digest: digest,
                    digest,
                },
                compressed_offset: 0,
                offset: 0,
            }
        };
        names.chars().map(frame).collect()
    }

    fn named(old: &str, new: &str) -> Vec<String> {
        runs(&frames(old), &frames(new))
            .into_iter()
            .map(|run| format!("{}>{}", &old[run.old], &new[run.new]))
            .collect()
    }

    #[test]
    fn what_changed_stands_for_what_stood_there() {
        assert_eq!(named("abcdef", "axceyz"), ["b>x", "f>yz"]);
        assert_eq!(named("abc", "abc"), Vec::<String>::new());
        assert_eq!(named("abc", "xyz"), ["abc>xyz"]);
        assert_eq!(named("", "x"), [">x"]);
        assert_eq!(named("abc", ""), Vec::<String>::new());
    }

    #[test]
    fn what_was_put_in_stands_for_nothing() {
        assert_eq!(named("abc", "axbc"), [">x"]);
    }

    #[test]
    fn one_frame_that_moved_does_not_hide_the_others() {
        assert_eq!(named("abcdz", "zabxd"), [">z", "c>x"]);
    }

    #[test]
    fn frames_that_repeat_are_no_neighbours() {
        assert_eq!(named("a000b", "a0x00b"), ["000>0x00"]);
    }
}
