//! The log as static files (C2SP tlog-tiles): where each lies, and what is in an entry bundle.
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]        W hashes of level L, 256 when full
//! tile/entries/<N>[.p/<W>]    W entries, each with a big-endian u16 length in front
//! ```
//!
//! `<N>` is written in groups of three digits, all but the last after an `x`: `x001/x234/067`.

use std::fmt;
use std::str::FromStr;

use bulla_schemas::Digest;

use crate::envelope;
use crate::merkle::tree_hash;

/// How many hashes or entries a full tile has.
pub const FULL: u16 = 256;
/// The highest level of tiles.
pub const MAX_LEVEL: u8 = 63;
/// Most bytes in an entry bundle: an entry is an envelope.
pub const MAX_BUNDLE_SIZE: usize = FULL as usize * (2 + envelope::MAX_SIZE);

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The log's entries.
    Entries,
    /// Hashes; level 0 are leaf hashes, each hash above is the root of a full tile below.
    Hashes {
        /// 0 to [`MAX_LEVEL`].
        level: u8,
    },
}

/// One of the log's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What is in it.
    pub kind: TileKind,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes or entries it has: 1 to [`FULL`].
    pub width: u16,
}

/// Why a text is not a tile's path, or bytes are not a tile's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not a path that the log has.
    #[error("expected a path such as `tile/0/x001/234.p/56`, found {found:?}")]
    Path {
        /// What stood there.
        found: String,
    },
    /// A bundle that ends inside an entry, or has more than it should.
    #[error("expected an entry bundle of {expected} entries, found other bytes")]
    Bundle {
        /// How many entries it should have.
        expected: u16,
    },
    /// An entry that is larger than any envelope.
    #[error("an entry of the log has at most {limit} bytes, found {found}", limit = envelope::MAX_SIZE)]
    EntryTooLarge {
        /// How many bytes.
        found: usize,
    },
}

impl TilePath {
    /// Returns the tiles of the hashes of `level` that a tree of `size` has from hash `from` on.
    pub fn hashes(level: u8, from: u64, size: u64) -> impl Iterator<Item = Self> {
        let count = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        cover(TileKind::Hashes { level }, from, count)
    }

    /// Returns the entry bundles that hold the entries from `from` up to `to`, in a tree of
    /// `size`. A bundle may also hold entries before `from` and after `to`.
    pub fn entries(from: u64, to: u64, size: u64) -> impl Iterator<Item = Self> {
        cover(TileKind::Entries, from, size).take_while(move |tile| from < to && tile.start() < to)
    }

    /// Returns every file that must be written when the log grows from `from` to `to` entries:
    /// entry bundles first, then hashes from the leaves up.
    pub fn grown(from: u64, to: u64) -> impl Iterator<Item = Self> {
        let levels = (0..=7_u8)
            .map(move |level| (level, from >> (8 * level), to >> (8 * level)))
            .take_while(|(_, _, to)| *to > 0)
            .filter(|(_, from, to)| from < to);
        cover(TileKind::Entries, from, to)
            .filter(move |_| from < to)
            .chain(levels.flat_map(|(level, from, to)| cover(TileKind::Hashes { level }, from, to)))
    }

    /// Returns the number, within its level, of the first hash or entry.
    pub const fn start(&self) -> u64 {
        self.index * FULL as u64
    }

    /// Tells whether the tile will never change again.
    pub const fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// Returns the same tile when it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self {
            width: FULL,
            ..self
        }
    }
}

/// The tiles that hold the items `from..count` of a level.
fn cover(kind: TileKind, from: u64, count: u64) -> impl Iterator<Item = TilePath> {
    let full = u64::from(FULL);
    (from / full..count.div_ceil(full)).map(move |index| TilePath {
        kind,
        index,
        width: u16::try_from(count - index * full).map_or(FULL, |width| width.min(FULL)),
    })
}

impl fmt::Display for TilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => formatter.write_str("tile/entries/")?,
            TileKind::Hashes { level } => write!(formatter, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(formatter, "x{group:03}/")?;
        }
        write!(formatter, "{:03}", groups[0])?;
        if !self.is_full() {
            write!(formatter, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        let parse = || {
            let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
            let kind = match kind {
                "entries" => TileKind::Entries,
                level => TileKind::Hashes {
                    level: level.parse().ok().filter(|level| *level <= MAX_LEVEL)?,
                },
            };
            let (index, width) = match rest.split_once(".p/") {
                Some((index, width)) => (index, width.parse().ok().filter(|w| *w < FULL)?),
                None => (rest, FULL),
            };
            let mut number = 0_u64;
            for group in index.split('/') {
                let digits = group.strip_prefix('x').unwrap_or(group);
                number = number
                    .checked_mul(1000)?
                    .checked_add(digits.parse().ok()?)?;
            }
            let path = Self {
                kind,
                index: number,
                width,
            };
            // A start beyond 2^64 can belong to no log.
            number.checked_mul(u64::from(FULL))?;
            (width > 0 && path.to_string() == text).then_some(path)
        };
        parse().ok_or_else(|| TileError::Path {
            found: text.chars().take(120).collect(),
        })
    }
}

/// Writes an entry bundle.
pub fn encode_entries<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileError> {
    let mut bundle = Vec::new();
    for entry in entries.iter().map(AsRef::as_ref) {
        let length = u16::try_from(entry.len())
            .ok()
            .filter(|length| usize::from(*length) <= envelope::MAX_SIZE)
            .ok_or(TileError::EntryTooLarge { found: entry.len() })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads an entry bundle that must have exactly `width` entries.
pub fn decode_entries(bundle: &[u8], width: u16) -> Result<Vec<Vec<u8>>, TileError> {
    let entries = split_entries(bundle, width)?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

/// Reads an entry bundle that must have exactly `width` entries, and copies none of them.
pub fn split_entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let wrong = || TileError::Bundle { expected: width };
    let mut entries = Vec::with_capacity(width.min(FULL).into());
    let mut rest = bundle;
    for _ in 0..width {
        let (length, tail) = rest.split_first_chunk().ok_or_else(wrong)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length > envelope::MAX_SIZE {
            return Err(TileError::EntryTooLarge { found: length });
        }
        let (entry, tail) = tail.split_at_checked(length).ok_or_else(wrong)?;
        entries.push(entry);
        rest = tail;
    }
    if rest.is_empty() {
        Ok(entries)
    } else {
        Err(wrong())
    }
}

/// Writes the content of a tile of hashes.
pub fn encode_hashes(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Reads the content of a tile of hashes; `None` when it does not have exactly `width`.
pub fn decode_hashes(bytes: &[u8], width: u16) -> Option<Vec<Digest>> {
    let (hashes, rest) = bytes.as_chunks::<{ Digest::LEN }>();
    (rest.is_empty() && hashes.len() == usize::from(width)).then(|| {
        hashes
            .iter()
            .map(|hash| Digest::from_bytes(*hash))
            .collect()
    })
}

/// Returns the one hash of the level above that stands for a full tile.
pub fn parent_hash(full_tile: &[Digest]) -> Digest {
    tree_hash(full_tile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(tiles: impl Iterator<Item = TilePath>) -> Vec<String> {
        tiles.map(|tile| tile.to_string()).collect()
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        let path = TilePath {
            kind: TileKind::Hashes { level: 0 },
            index: 1_234_067,
            width: FULL,
        };
        assert_eq!(path.to_string(), "tile/0/x001/x234/067");
        for text in [
            "tile/0/x001/x234/067",
            "tile/63/000",
            "tile/entries/000.p/1",
            "tile/entries/x001/000.p/255",
        ] {
            assert_eq!(text.parse::<TilePath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_second_texts_of_a_path() {
        for wrong in [
            "tile/0/0",
            "tile/00/000",
            "tile/64/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/+01",
            "tile/0/../000",
            "tile/entries/",
            "tile/8/0/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "/tile/0/000",
        ] {
            assert!(wrong.parse::<TilePath>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_of_the_specification() {
        let tiles: Vec<TilePath> = TilePath::grown(0, 70_000).collect();
        let of = |kind| tiles.iter().filter(move |tile| tile.kind == kind);
        for kind in [TileKind::Entries, TileKind::Hashes { level: 0 }] {
            assert_eq!(of(kind).filter(|tile| tile.is_full()).count(), 273);
            assert_eq!(of(kind).next_back().unwrap().width, 112);
        }
        let above: Vec<String> = paths(
            tiles
                .into_iter()
                .filter(|tile| matches!(tile.kind, TileKind::Hashes { level } if level > 0)),
        );
        assert_eq!(above, ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
    }

    #[test]
    fn growth_writes_only_what_changed() {
        assert_eq!(
            paths(TilePath::grown(255, 256)),
            ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
        );
        assert_eq!(
            paths(TilePath::grown(256, 258)),
            ["tile/entries/001.p/2", "tile/0/001.p/2"]
        );
        assert!(paths(TilePath::grown(3, 3)).is_empty());
        assert_eq!(
            paths(TilePath::entries(250, 300, 600)),
            ["tile/entries/000", "tile/entries/001"]
        );
        assert_eq!(paths(TilePath::entries(0, 3, 3)), ["tile/entries/000.p/3"]);
        assert!(paths(TilePath::entries(3, 3, 3)).is_empty());
    }

    #[test]
    fn a_bundle_has_exactly_its_entries() {
        let longest = vec![7; 32_768];
        let entries = [&b""[..], b"one", &longest];
        let bundle = encode_entries(&entries).unwrap();
        assert_eq!(decode_entries(&bundle, 3).unwrap(), entries);
        for (bytes, width) in [
            (&bundle[..], 2),
            (&bundle[..], 4),
            (&bundle[..bundle.len() - 1], 3),
            (&bundle[..1], 1),
        ] {
            assert_eq!(
                decode_entries(bytes, width),
                Err(TileError::Bundle { expected: width })
            );
        }
        for found in [32_769, 65_536] {
            assert_eq!(
                encode_entries(&[vec![0; found]]),
                Err(TileError::EntryTooLarge { found })
            );
        }
        let too_long = [vec![0x80, 0x01], vec![7; 32_769]].concat();
        assert_eq!(
            decode_entries(&too_long, 1),
            Err(TileError::EntryTooLarge { found: 32_769 })
        );
    }
}
