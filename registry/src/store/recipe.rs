//! How a blob is put together: which frames of which packs it is, one after the other.

use std::collections::HashMap;

use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;
use serde::{Deserialize, Serialize};

use crate::frames::{PackId, Place, Placed, Places};

/// Most bytes of a recipe that is stored.
pub(super) const MAX_LEN: u64 = 16 << 20;

/// Most bytes of several frames that are one portion.
const MOST_OF_PORTION: u64 = 1 << 20;

/// The frames of a blob, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    frames: Vec<Placed>,
}

/// Bytes of a pack that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) place: Place,
    pub(super) length: u64,
}

/// Whole frames of a pack that follow each other, and which of their bytes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Portion {
    /// Where they lie.
    pub(super) span: Span,
    pub(super) frames: Vec<BlobFrame>,
    /// How many bytes before the wanted ones.
    pub(super) skip: u64,
    /// How many are wanted.
    pub(super) length: u64,
}

/// The recipe as it is stored. Most frames lie in few packs, so these are numbered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    packs: Vec<PackId>,
    frames: Vec<Line>,
}

/// A frame as it is stored: its digest, its length, the position of its pack in `packs`, and where
/// in the pack it begins.
#[derive(Serialize, Deserialize)]
struct Line(Digest, u64, usize, u64);

impl Recipe {
    /// Takes the frames of a blob.
    pub(super) fn new(frames: Vec<Placed>) -> Self {
        Self { frames }
    }

    /// Returns the frames.
    pub(crate) fn frames(&self) -> &[Placed] {
        &self.frames
    }

    /// Returns the frames as they follow each other in the blob.
    pub(crate) fn blob_frames(&self) -> Vec<BlobFrame> {
        self.frames.iter().map(|placed| placed.frame).collect()
    }

    /// Returns where the frames lie.
    pub(crate) fn places(&self) -> Places {
        let places = self.frames.iter();
        places
            .map(|placed| (placed.frame.digest, placed.place))
            .collect()
    }

    /// Returns the size of the blob in bytes.
    pub(super) fn size(&self) -> u64 {
        self.frames.iter().map(|placed| placed.frame.size).sum()
    }

    /// Returns the packs, and how long each of them is at least.
    pub(super) fn packs(&self) -> HashMap<PackId, u64> {
        let mut packs: HashMap<PackId, u64> = HashMap::new();
        for Placed { frame, place } in &self.frames {
            let end = packs.entry(place.pack).or_default();
            *end = (*end).max(place.offset + frame.size);
        }
        packs
    }

    /// Returns `length` bytes of the blob from `first` on, in as few spans as can be.
    pub(super) fn spans(&self, first: u64, length: u64) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (Placed { place, .. }, before, taken) in self.within(first, length) {
            let place = Place {
                pack: place.pack,
                offset: place.offset + before,
            };
            match spans.last_mut() {
                Some(last) if last.goes_on_at(&place) => last.length += taken,
                _ => spans.push(Span {
                    place,
                    length: taken,
                }),
            }
        }
        spans
    }

    /// Returns `length` bytes of the blob from `first` on with the frames that they lie in, a few
    /// frames at a time.
    pub(super) fn portions(&self, first: u64, length: u64) -> Vec<Portion> {
        let mut portions: Vec<Portion> = Vec::new();
        for (Placed { frame, place }, before, taken) in self.within(first, length) {
            match portions.last_mut() {
                Some(last) if last.takes(frame, place) => {
                    last.span.length += frame.size;
                    last.frames.push(*frame);
                    last.length += taken;
                }
                _ => portions.push(Portion {
                    span: Span {
                        place: *place,
                        length: frame.size,
                    },
                    frames: vec![*frame],
                    skip: before,
                    length: taken,
                }),
            }
        }
        portions
    }

    /// Returns the frames in which some of `length` bytes from `first` on lie, each with how many of
    /// its bytes come before those and how many of them it has.
    fn within(&self, first: u64, length: u64) -> impl Iterator<Item = (&Placed, u64, u64)> {
        let (mut skip, mut left) = (first, length);
        let parts = self.frames.iter().map(move |placed| {
            let before = skip.min(placed.frame.size);
            let taken = left.min(placed.frame.size - before);
            skip -= before;
            left -= taken;
            (placed, before, taken)
        });
        parts.filter(|(.., taken)| *taken > 0)
    }

    /// Reads a stored recipe; `None` when it is damaged.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let mut size: u64 = 0;
        let mut frames = Vec::with_capacity(document.frames.len());
        for Line(digest, length, pack, offset) in document.frames {
            size = size.checked_add(length)?;
            offset.checked_add(length)?;
            let pack = *document.packs.get(pack)?;
            frames.push(Placed {
                frame: BlobFrame {
                    digest,
                    size: length,
                },
                place: Place { pack, offset },
            });
        }
        Some(Self { frames })
    }

    /// Returns the text that is stored.
    #[expect(
        clippy::expect_used,
        reason = "serialising strings and numbers cannot fail"
    )]
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut packs: Vec<PackId> = Vec::new();
        let mut numbers = HashMap::new();
        let line = |Placed { frame, place }: &Placed| {
            let number = *numbers.entry(place.pack).or_insert_with(|| {
                packs.push(place.pack);
                packs.len() - 1
            });
            Line(frame.digest, frame.size, number, place.offset)
        };
        let frames = self.frames.iter().map(line).collect();
        serde_json::to_vec(&Document { packs, frames }).expect("a recipe is strings and numbers")
    }
}

impl Span {
    fn goes_on_at(&self, place: &Place) -> bool {
        self.place.pack == place.pack && self.place.offset + self.length == place.offset
    }
}

impl Portion {
    fn takes(&self, frame: &BlobFrame, place: &Place) -> bool {
        let length = self.span.length.saturating_add(frame.size);
        self.span.goes_on_at(place) && length <= MOST_OF_PORTION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(number: u8) -> PackId {
        uuid::Uuid::from_bytes([number; 16]).into()
    }

    /// Frames of these packs, offsets and lengths.
    fn recipe(frames: &[(u8, u64, u64)]) -> Recipe {
        let placed = |(number, offset, length): &(u8, u64, u64)| Placed {
            frame: BlobFrame {
                digest: Digest::of(&offset.to_le_bytes()),
                size: *length,
            },
            place: Place {
                pack: pack(*number),
                offset: *offset,
            },
        };
        Recipe::new(frames.iter().map(placed).collect())
    }

    fn spans(recipe: &Recipe, first: u64, length: u64) -> Vec<(PackId, u64, u64)> {
        let spans = recipe.spans(first, length);
        let spans = spans.iter();
        spans
            .map(|span| (span.place.pack, span.place.offset, span.length))
            .collect()
    }

    #[test]
    fn a_recipe_is_read_as_it_was_written() {
        let recipe = recipe(&[(2, 0, 5), (1, 70, 10), (2, 5, 1), (2, 0, 5)]);
        let text = recipe.to_bytes();
        assert_eq!(Recipe::from_bytes(&text), Some(recipe));
        assert!(Recipe::from_bytes(&text[..text.len() - 1]).is_none());
    }

    #[test]
    fn a_damaged_recipe_is_none() {
        let digest = Digest::of(b"x");
        let id = pack(1);
        for (packs, frame) in [
            (format!("{id:?}"), format!("[\"{digest}\", 5, 0, 0]")),
            (format!("\"{id}\""), format!("[\"{digest}\", 5, 1, 0]")),
            (format!("\"{id}\""), format!("[\"{digest}\", 5, 0]")),
            (format!("\"{id}\""), "[\"x\", 5, 0, 0]".to_owned()),
            ("\"../lock\"".to_owned(), format!("[\"{digest}\", 5, 0, 0]")),
            (
                format!("\"{id}\""),
                format!("[\"{digest}\", {}, 0, 1]", u64::MAX),
            ),
            (
                format!("\"{id}\""),
                format!(
                    "[\"{digest}\", {0}, 0, 0], [\"{digest}\", {0}, 0, 0]",
                    u64::MAX
                ),
            ),
        ] {
            let text = format!("{{\"packs\": [{packs}], \"frames\": [{frame}]}}");
            assert_eq!(Recipe::from_bytes(text.as_bytes()), None, "{text}");
        }
        let text = format!("{{\"packs\": [\"{id}\"], \"frames\": [[\"{digest}\", 5, 0, 0]]}}");
        assert!(Recipe::from_bytes(text.as_bytes()).is_some(), "{text}");
    }

    #[test]
    fn spans_are_exactly_the_range_and_joined_where_a_pack_goes_on() {
        let recipe = recipe(&[(1, 100, 10), (1, 110, 5), (2, 0, 5), (1, 115, 5)]);
        assert_eq!(recipe.size(), 25);
        let all = [(pack(1), 100, 15), (pack(2), 0, 5), (pack(1), 115, 5)];
        assert_eq!(spans(&recipe, 0, 25), all);
        assert_eq!(spans(&recipe, 9, 2), [(pack(1), 109, 2)]);
        let end = [(pack(2), 4, 1), (pack(1), 115, 5)];
        assert_eq!(spans(&recipe, 19, 6), end);
        assert_eq!(spans(&recipe, 25, 0), []);
        assert_eq!(spans(&recipe, 0, 0), []);
    }

    #[test]
    fn portions_are_whole_frames_of_which_exactly_the_range_is_wanted() {
        const LARGE: u64 = MOST_OF_PORTION - 12;
        let recipe = recipe(&[(1, 100, 10), (1, 110, 5), (2, 0, 5), (2, 5, LARGE)]);
        let portions = |first, length| {
            let portions = recipe.portions(first, length);
            let portions = portions.iter();
            let portions = portions.map(|portion| {
                let Span { place, length } = portion.span;
                (place.offset, length, portion.skip, portion.length)
            });
            portions.collect::<Vec<_>>()
        };
        assert_eq!(portions(9, 2), [(100, 15, 9, 2)]);
        assert_eq!(portions(12, 1), [(110, 5, 2, 1)]);
        assert_eq!(portions(14, 4), [(110, 5, 4, 1), (0, 5, 0, 3)]);
        let all = [(100, 15, 0, 15), (0, 5 + LARGE, 0, 5 + LARGE)];
        assert_eq!(portions(0, 20 + LARGE), all);
        assert_eq!(portions(20, 0), []);
    }

    #[test]
    fn a_portion_of_several_frames_has_few_bytes() {
        let frames = [
            (1, 0, MOST_OF_PORTION),
            (1, MOST_OF_PORTION, 1),
            (1, MOST_OF_PORTION + 1, 7),
        ];
        let portions = recipe(&frames).portions(0, MOST_OF_PORTION + 8);
        let lengths: Vec<u64> = portions.iter().map(|portion| portion.length).collect();
        assert_eq!(lengths, [MOST_OF_PORTION, 8]);
    }
}
