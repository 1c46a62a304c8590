//! Cuts content where its zstd frames end, and hashes it, while it comes (RFC 8878 §3.1).
//!
//! Payloads and indexes of bundles are many small frames, of which a later release has most again.
//! Nothing is decompressed, and nothing is kept but a header that is not complete: the headers of
//! frames and blocks say where the next one begins. What they say decides nothing else. From the
//! first byte that begins no frame, all that comes counts as one more frame.

use std::io::{self, Read};

use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;
use sha2::{Digest as _, Sha256};

const FRAME: u32 = 0xFD2F_B528;
/// The last four bits are free.
const SKIPPABLE_FRAME: u32 = 0x184D_2A50;

/// Content with fewer bytes stays whole: a recipe and a pack would be more than it saves.
const LEAST_CONTENT: u64 = 64 * 1024;
/// So does content whose frames have fewer bytes than this on average.
const LEAST_AVERAGE: u64 = 1024;
/// Most places where content is cut: recipes are in memory while they are used. At the size that a
/// bundle's frames have, so many are 16 GB of a tree.
const MOST_CUTS: usize = 32 * 1024;

/// Cuts and hashes one content.
#[derive(Debug)]
pub struct Cutter {
    step: Step,
    /// What has come of the field that `step` waits for.
    field: Field,
    /// Bytes that come before that field.
    skip: u64,
    /// Of everything.
    whole: Sha256,
    received: u64,
    /// The frames that have ended.
    frames: Vec<BlobFrame>,
    /// Of the frame that has begun. The first one has none: so far it is everything.
    frame: Option<Sha256>,
    length: u64,
}

/// Tells whether content of these frames is worth storing frame by frame.
pub fn is_worth_cutting(frames: &[BlobFrame]) -> bool {
    let sizes = frames.iter().map(|frame| frame.size);
    let size = sizes.fold(0, u64::saturating_add);
    let count = frames.len() as u64;
    (2..=MOST_CUTS as u64 + 1).contains(&count)
        && size >= LEAST_CONTENT
        && size / count >= LEAST_AVERAGE
}

/// Cuts all that a reader has.
pub fn cut_frames(mut reader: impl Read) -> io::Result<Vec<BlobFrame>> {
    let mut cutter = Cutter::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(cutter.frames()),
            length => cutter.push(&buffer[..length]),
        }
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Magic,
    SkippableSize,
    Descriptor,
    Block {
        has_checksum: bool,
    },
    /// Nothing of this frame but what is skipped.
    End,
    /// No frame any more.
    Rest,
}

#[derive(Debug, Default)]
struct Field {
    bytes: [u8; 4],
    filled: usize,
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

impl Cutter {
    /// Begins with the first byte.
    pub fn new() -> Self {
        Self {
            step: Step::Magic,
            field: Field::default(),
            skip: 0,
            whole: Sha256::new(),
            received: 0,
            frames: Vec::new(),
            frame: None,
            length: 0,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match self.step.width() {
                None => bytes.len(),
                Some(_) if self.skip > 0 => within(bytes, self.skip),
                Some(width) => bytes.len().min(width - self.field.filled),
            };
            let (now, later) = bytes.split_at(taken);
            bytes = later;
            self.hash(now);
            if self.skip > 0 {
                self.skip -= now.len() as u64;
            } else if let Some(width) = self.step.width() {
                self.field.take(now);
                if self.field.filled == width {
                    let value = std::mem::take(&mut self.field).value();
                    self.step(value);
                }
            }
            if self.step == Step::End && self.skip == 0 {
                self.cut();
            }
        }
    }

    /// Returns how many bytes have come.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns the digest of everything that has come.
    pub fn digest(&self) -> Digest {
        self.whole.clone().finalize().into()
    }

    /// Returns the frames of everything that has come.
    pub fn all_frames(&self) -> Vec<BlobFrame> {
        let mut frames = self.frames.clone();
        if self.length > 0 {
            frames.push(self.open_frame());
        }
        frames
    }

    /// Returns the same where it is worth the while to store the frames one by one, else none.
    pub fn frames(&self) -> Vec<BlobFrame> {
        let mut frames = self.all_frames();
        if !is_worth_cutting(&frames) {
            frames.clear();
        }
        frames
    }

    fn hash(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        if let Some(frame) = &mut self.frame {
            frame.update(bytes);
        }
        self.received += bytes.len() as u64;
        self.length += bytes.len() as u64;
    }

    fn open_frame(&self) -> BlobFrame {
        let hasher = self.frame.as_ref().unwrap_or(&self.whole);
        BlobFrame {
            digest: hasher.clone().finalize().into(),
            size: self.length,
        }
    }

    fn cut(&mut self) {
        self.frames.push(self.open_frame());
        self.frame = Some(Sha256::new());
        self.length = 0;
        self.step = if self.frames.len() < MOST_CUTS {
            Step::Magic
        } else {
            Step::Rest
        };
    }

    /// Reads a field that is complete.
    fn step(&mut self, value: u32) {
        (self.step, self.skip) = match self.step {
            Step::Magic if value == FRAME => (Step::Descriptor, 0),
            Step::Magic if value & !0xF == SKIPPABLE_FRAME => (Step::SkippableSize, 0),
            Step::SkippableSize => (Step::End, value.into()),
            Step::Descriptor => descriptor(value),
            Step::Block { has_checksum } => block(value, has_checksum),
            Step::Magic | Step::End | Step::Rest => (Step::Rest, 0),
        };
    }
}

impl Step {
    /// How many bytes the field has; `None` where everything is skipped.
    const fn width(self) -> Option<usize> {
        match self {
            Self::Magic | Self::SkippableSize => Some(4),
            Self::Descriptor => Some(1),
            Self::Block { .. } => Some(3),
            Self::End => Some(0),
            Self::Rest => None,
        }
    }
}

impl Field {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    fn value(self) -> u32 {
        u32::from_le_bytes(self.bytes)
    }
}

/// §3.1.1.1: says which fields the rest of the header has.
fn descriptor(value: u32) -> (Step, u64) {
    let is_single_segment = value & 0x20 != 0;
    let window = u64::from(!is_single_segment);
    let dictionary = [0, 1, 2, 4][(value & 3) as usize];
    let content_size = match value >> 6 {
        0 => u64::from(is_single_segment),
        flag => 1 << flag,
    };
    let is_reserved = value & 0x08 != 0;
    if is_reserved {
        return (Step::Rest, 0);
    }
    let has_checksum = value & 0x04 != 0;
    let skip = window + dictionary + content_size;
    (Step::Block { has_checksum }, skip)
}

/// §3.1.1.2: a bit for the last block, two for the type, 21 for the size.
fn block(value: u32, has_checksum: bool) -> (Step, u64) {
    let size = match (value >> 1) & 3 {
        0 | 2 => u64::from(value >> 3),
        1 => 1,
        _ => return (Step::Rest, 0),
    };
    let is_last = value & 1 == 1;
    if is_last {
        (Step::End, size + if has_checksum { 4 } else { 0 })
    } else {
        (Step::Block { has_checksum }, size)
    }
}

fn within(bytes: &[u8], length: u64) -> usize {
    usize::try_from(length).map_or(bytes.len(), |length| bytes.len().min(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zstd(content: &[u8], level: i32, checksum: bool) -> Vec<u8> {
        let mut encoder = ::zstd::Encoder::new(Vec::new(), level).unwrap();
        encoder.include_checksum(checksum).unwrap();
        std::io::Write::write_all(&mut encoder, content).unwrap();
        encoder.finish().unwrap()
    }

    fn skippable(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap();
        [
            &0x184D_2A5E_u32.to_le_bytes(),
            &length.to_le_bytes(),
            content,
        ]
        .concat()
    }

    /// Cuts content that comes in pieces, and checks that it was hashed as a whole too.
    fn cut(content: &[u8], piece: usize) -> Cutter {
        let mut cutter = Cutter::new();
        content.chunks(piece).for_each(|piece| cutter.push(piece));
        assert_eq!(cutter.digest(), Digest::of(content));
        assert_eq!(cutter.received(), content.len() as u64);
        cutter
    }

    fn frames_of(content: &[u8], piece: usize) -> Vec<BlobFrame> {
        cut(content, piece).all_frames()
    }

    fn frame(bytes: &[u8]) -> BlobFrame {
        BlobFrame {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }

    #[test]
    fn what_is_no_frames_or_only_one_is_one_frame() {
        for content in [
            b"x".to_vec(),
            b"plain text that is longer".to_vec(),
            zstd(b"one", 3, true),
            zstd(b"one", 3, true)[..7].to_vec(),
            skippable(b"one"),
        ] {
            assert_eq!(frames_of(&content, 3), [frame(&content)]);
        }
        assert_eq!(frames_of(b"", 3), []);
    }

    #[test]
    fn content_stays_whole_where_cutting_gains_nothing() {
        let noise = |length: usize| skippable(&vec![7; length]);
        for (what, content) in [
            ("nothing", Vec::new()),
            ("one frame", noise(1 << 20)),
            ("small", noise(20_000).repeat(3)),
            ("small frames", noise(900).repeat(1000)),
            ("tiny frames", noise(0).repeat(50_000)),
        ] {
            assert_eq!(cut(&content, 65_536).frames(), [], "{what}");
        }
        let worth_it = noise(30_000).repeat(3);
        assert_eq!(cut(&worth_it, 65_536).frames().len(), 3);
    }

    #[test]
    fn a_length_that_is_a_lie_is_a_frame_to_the_end() {
        let mut lies = SKIPPABLE_FRAME.to_le_bytes().to_vec();
        lies.extend(u32::MAX.to_le_bytes());
        lies.extend(b"only this");
        let one = zstd(b"one", 3, false);
        let content = [one.clone(), lies.clone()].concat();
        assert_eq!(frames_of(&content, 5), [frame(&one), frame(&lies)]);
    }

    #[test]
    fn what_comes_after_the_last_frame_is_a_frame() {
        let (one, rest) = (zstd(b"one", 3, false), b"no frame\0".to_vec());
        let content = [one.clone(), rest.clone()].concat();
        assert_eq!(frames_of(&content, 5), [frame(&one), frame(&rest)]);
        let cut_off = &one[..one.len() - 1];
        let content = [&one[..], cut_off].concat();
        assert_eq!(frames_of(&content, 5), [frame(&one), frame(cut_off)]);
    }

    #[test]
    fn tiny_frames_without_an_end_do_not_fill_the_memory() {
        let tiny = skippable(b"");
        let content = [tiny.repeat(100_000), vec![1; 50_000_000]].concat();
        let frames = cut(&content, 65_536).frames();
        assert_eq!(frames.len(), MOST_CUTS + 1);
        let rest = &content[MOST_CUTS * tiny.len()..];
        assert_eq!(frames.last(), Some(&frame(rest)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_frame_is_a_frame(
            frames in prop::collection::vec(
                (prop::collection::vec(0_u8..4, 0..150_000), 1..5, any::<bool>(), any::<bool>()),
                2..5,
            ),
            piece in 1..70_000_usize,
        ) {
            let frames: Vec<Vec<u8>> = frames
                .iter()
                .map(|(content, level, checksum, skip)| {
                    if *skip { skippable(content) } else { zstd(content, *level, *checksum) }
                })
                .collect();
            let expected: Vec<BlobFrame> = frames.iter().map(|bytes| frame(bytes)).collect();
            prop_assert_eq!(frames_of(&frames.concat(), piece), expected);
        }

        #[test]
        fn parts_are_all_of_any_content(content: Vec<u8>, piece in 1..50_usize) {
            let magic = [&FRAME.to_le_bytes()[..], &content].concat();
            for content in [content, magic] {
                let mut rest = &content[..];
                for found in frames_of(&content, piece) {
                    let (one, later) = rest.split_at(usize::try_from(found.size).unwrap());
                    prop_assert_eq!(found, frame(one));
                    rest = later;
                }
                prop_assert!(rest.is_empty());
            }
        }
    }
}
