//! The log's files: `checkpoint`, `tile/...`, `tile/entries/...` (C2SP tlog-tiles). Every tile is
//! written once under the name that says how many items it has; when a tile is full, its partial
//! forms go, and are served from the full one.

use std::io::{self, BufReader, Read as _, Seek as _};
use std::path::PathBuf;

use bulla_schemas::Digest;
use bulla_schemas::log::LogPosition;
use bulla_trust::merkle::{Peaks, leaf_hash};
use bulla_trust::tile::{
    FULL, MAX_BUNDLE_SIZE, TileKind, TilePath, decode_entries, decode_hashes, encode_entries,
    encode_hashes, parent_hash,
};

use bulla_files::{Attempt as _, FileError};

use super::kept::KeptState;
use crate::failpoint::failpoint;
use crate::objects::{Object, Objects};

/// Bytes of a hash.
const HASH: u64 = 32;
/// Most bytes of a checkpoint.
const MOST_NOTE: u64 = bulla_trust::note::MAX_SIZE as u64;

/// The folder `log`.
#[derive(Debug, Clone)]
pub(crate) struct LogFiles {
    root: PathBuf,
    objects: Objects,
}

/// The items of the last, not yet full tile of each level, and of the last entry bundle. The
/// sequencer grows them, so that appending reads nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tail {
    entries: Vec<Vec<u8>>,
    /// By level.
    hashes: Vec<Vec<Digest>>,
}

impl LogFiles {
    /// Takes the folder of a log.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            objects: Objects::new(root.clone()),
            root,
        }
    }

    /// Returns where the state is kept that the entries lead to.
    pub(super) fn kept_state(&self) -> KeptState {
        KeptState::new(self.root.join("state"))
    }

    /// Reads the newest checkpoint.
    pub(super) fn checkpoint(&self) -> Result<Option<Vec<u8>>, FileError> {
        bulla_files::read_up_to(&self.root.join("checkpoint"), MOST_NOTE)
    }

    /// Tells whether there is a log: a checkpoint, or entries that a crash or a loss has left without one.
    pub(super) fn is_begun(&self) -> Result<bool, FileError> {
        match self.checkpoint() {
            Ok(None) => Ok(!self.entries_behind(0)?.is_empty()),
            Err(error) if !error.is_damage() => Err(error),
            _ => Ok(true),
        }
    }

    /// Replaces the checkpoint in one rename.
    pub(super) fn publish(&self, checkpoint: &[u8]) -> Result<(), FileError> {
        bulla_files::write(&self.root.join("checkpoint"), checkpoint)
    }

    /// Returns the log's name; nothing before the first policy.
    pub(crate) fn origin(&self) -> Result<Option<String>, FileError> {
        let checkpoint = self.checkpoint()?;
        let read = checkpoint.and_then(|note| bulla_trust::Checkpoint::parse(&note).ok());
        Ok(read.map(|(checkpoint, _)| checkpoint.origin))
    }

    /// Reads the newest checkpoint that enough witnesses cosigned.
    pub(super) fn witnessed(&self) -> Result<Option<Vec<u8>>, FileError> {
        bulla_files::read_up_to(&self.root.join("witnessed"), MOST_NOTE)
    }

    /// Replaces that in one rename.
    pub(super) fn publish_witnessed(&self, note: &[u8]) -> Result<(), FileError> {
        bulla_files::write(&self.root.join("witnessed"), note)
    }

    /// Opens a tile of a log with `size` entries: the object that begins with it, and its length.
    /// Nothing when the log does not reach so far.
    pub(crate) fn open(
        &self,
        tile: TilePath,
        size: u64,
    ) -> Result<Option<(Object, u64)>, FileError> {
        let count = items_of(tile.kind, size);
        let end = tile.start().checked_add(tile.width.into());
        if end.is_none_or(|end| end > count) {
            return Ok(None);
        }
        if let Some(object) = self.objects.get(&tile.to_string())? {
            let length = object.size();
            return Ok(Some((object, length)));
        }
        // A narrower form of what is there: the first items of it.
        let widest = u16::try_from(count - tile.start()).map_or(FULL, |width| width.min(FULL));
        for width in [widest, FULL] {
            let key = TilePath { width, ..tile }.to_string();
            let Some(mut wider) = self.objects.get(&key)? else {
                continue;
            };
            let length = length_in(tile, &mut wider).attempt("read", self.root.join(key))?;
            return Ok(length.map(|length| (wider, length)));
        }
        Ok(None)
    }

    /// Reads a tile as [`open`](Self::open) opens it.
    pub(super) fn tile(&self, tile: TilePath, size: u64) -> Result<Option<Vec<u8>>, FileError> {
        let Some((object, length)) = self.open(tile, size)? else {
            return Ok(None);
        };
        let limit = most(tile);
        if length > limit {
            let path = self.path(tile);
            return Err(FileError::TooLarge { path, limit });
        }
        let mut content = Vec::new();
        let read = object.take(length).read_to_end(&mut content);
        read.attempt("read", self.path(tile))?;
        Ok(Some(content))
    }

    /// Reads the entries of one bundle of a log with `size` entries.
    pub(crate) fn entries(&self, index: u64, size: u64) -> Result<Option<Vec<Vec<u8>>>, FileError> {
        let start = index * u64::from(FULL);
        let width = u16::try_from(size.saturating_sub(start)).map_or(FULL, |w| w.min(FULL));
        let tile = TilePath {
            kind: TileKind::Entries,
            index,
            width,
        };
        Ok(self
            .tile(tile, size)?
            .and_then(|bundle| decode_entries(&bundle, width).ok()))
    }

    /// Reads the tail of the log as it stood at a position, of a log with `size` entries; nothing where its
    /// tiles and its last bundle do not lead to that root.
    pub(super) fn tail_at(
        &self,
        position: &LogPosition,
        size: u64,
    ) -> Result<Option<Tail>, FileError> {
        let mut tail = Tail::default();
        let mut count = position.size;
        for level in 0.. {
            if count == 0 {
                break;
            }
            let kind = TileKind::Hashes { level };
            let decode = |content: &[u8], width| decode_hashes(content, width);
            match self.last_of(kind, count, size, decode)? {
                Some(hashes) => tail.hashes.push(hashes),
                None => return Ok(None),
            }
            count /= u64::from(FULL);
        }
        let kind = TileKind::Entries;
        let decode = |content: &[u8], width| decode_entries(content, width).ok();
        match self.last_of(kind, position.size, size, decode)? {
            Some(entries) => tail.entries = entries,
            None => return Ok(None),
        }
        Ok((tail.root(position.size) == Some(position.root)).then_some(tail))
    }

    /// Reads the last tile of `count` items of a kind where that is not full, and no items where it is.
    fn last_of<T>(
        &self,
        kind: TileKind,
        count: u64,
        size: u64,
        decode: impl Fn(&[u8], u16) -> Option<Vec<T>>,
    ) -> Result<Option<Vec<T>>, FileError> {
        let width = u16::try_from(count % u64::from(FULL)).unwrap_or(0);
        if width == 0 {
            return Ok(Some(Vec::new()));
        }
        let index = count / u64::from(FULL);
        let content = self.tile(TilePath { kind, index, width }, size)?;
        Ok(content.and_then(|content| decode(&content, width)))
    }

    /// Reads the entries that lie in the folder behind the first `size`, whether a checkpoint
    /// covers them or not: what a crash may have left. Only the bundle in which the log ends and
    /// the one after it can have any.
    pub(super) fn entries_behind(&self, size: u64) -> Result<Vec<Vec<u8>>, FileError> {
        let mut behind = Vec::new();
        let first = size / u64::from(FULL);
        for index in first..=first + 1 {
            let known = usize::try_from(size.saturating_sub(index * u64::from(FULL))).unwrap_or(0);
            let published = match known {
                0 => Vec::new(),
                _ => self.entries(index, size)?.unwrap_or_default(),
            };
            let entries = self.widest(index)?;
            // A bundle that does not go on from what was published is older rubbish.
            if entries.len() <= known || entries[..known] != published {
                break;
            }
            let is_full = entries.len() == usize::from(FULL);
            behind.extend(entries.into_iter().skip(known));
            if !is_full {
                break;
            }
        }
        Ok(behind)
    }

    /// Reads the entries of the widest form of a bundle that lies in the folder and can be read, whether
    /// a checkpoint covers them or not.
    pub(super) fn widest(&self, index: u64) -> Result<Vec<Vec<u8>>, FileError> {
        for width in (1..=FULL).rev() {
            let kind = TileKind::Entries;
            let bundle = match self.read(TilePath { kind, index, width }) {
                Err(error) if error.is_damage() => None,
                bundle => bundle?,
            };
            let entries = bundle.and_then(|bundle| decode_entries(&bundle, width).ok());
            if let Some(entries) = entries {
                return Ok(entries);
            }
        }
        Ok(Vec::new())
    }

    /// Removes what lies behind the first `size` entries, which nothing covers and nobody finishes.
    pub(super) fn forget_behind(&self, size: u64) -> Result<(), FileError> {
        let behind = self.entries_behind(size)?.len() as u64;
        if behind > 0 {
            self.discard(size, size + behind);
        }
        Ok(())
    }

    /// Writes the bundles and tiles of a log that grows by `new` entries from `size` on: entries
    /// first, then hashes from the leaves up. Nothing covers them yet.
    pub(super) fn grow(
        &self,
        size: u64,
        new: &[Vec<u8>],
        tail: &mut Tail,
    ) -> Result<(), FileError> {
        let end = size + new.len() as u64;
        let start = size - tail.entries.len() as u64;
        tail.entries.extend_from_slice(new);
        for tile in TilePath::entries(size, end, end) {
            let items = slice(&tail.entries, tile, start);
            let bundle = encode_entries(items).map_err(|_| self.too_large())?;
            self.write(tile, &bundle)?;
        }
        keep_last(&mut tail.entries, end);
        failpoint!("tiles::entries-written");

        let mut new: Vec<Digest> = new.iter().map(|entry| leaf_hash(entry)).collect();
        let mut from = size;
        for level in 0.. {
            if new.is_empty() {
                break;
            }
            if tail.hashes.len() == usize::from(level) {
                tail.hashes.push(Vec::new());
            }
            let hashes = &mut tail.hashes[usize::from(level)];
            let start = from - hashes.len() as u64;
            let count = from + new.len() as u64;
            hashes.append(&mut new);
            for tile in TilePath::hashes(level, from, end) {
                let items = slice(hashes, tile, start);
                self.write(tile, &encode_hashes(items))?;
                if tile.is_full() {
                    new.push(parent_hash(items));
                }
            }
            keep_last(hashes, count);
            from /= u64::from(FULL);
        }
        Ok(())
    }

    /// Removes the partial forms of tiles that a wider one replaced between two sizes, when a
    /// checkpoint covers that one. The forms at size `from` and one entry before stay while the
    /// tile is not full: a copy of the folder may have been begun with their checkpoint. Failing
    /// costs only space.
    pub(super) fn prune(&self, from: u64, to: u64) {
        for tile in TilePath::grown(from, to) {
            let removed = if tile.is_full() {
                std::fs::remove_dir_all(self.partial_folder(tile))
            } else {
                let before = items_of(tile.kind, from).saturating_sub(tile.start());
                self.partial_widths(tile)
                    .filter(|width| u64::from(*width) + 1 < before)
                    .try_for_each(|width| {
                        std::fs::remove_file(self.path(TilePath { width, ..tile }))
                    })
            };
            if let Err(error) = removed
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::debug!(%error, "partial tiles were not removed");
            }
        }
    }

    fn partial_folder(&self, tile: TilePath) -> PathBuf {
        let mut path = self.path(TilePath { width: 1, ..tile });
        path.pop();
        path
    }

    /// Returns the widths of a tile's partial forms that lie in the folder.
    fn partial_widths(&self, tile: TilePath) -> impl Iterator<Item = u16> {
        let entries = std::fs::read_dir(self.partial_folder(tile));
        let names = entries.into_iter().flatten().flatten();
        names.filter_map(|entry| {
            let width = entry.file_name().to_str()?.parse().ok()?;
            (1..FULL).contains(&width).then_some(width)
        })
    }

    /// Removes what [`grow`](Self::grow) wrote and no checkpoint covers.
    pub(super) fn discard(&self, from: u64, to: u64) {
        for tile in TilePath::grown(from, to) {
            if let Err(error) = std::fs::remove_file(self.path(tile))
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, %tile, "a tile that nothing covers was not removed");
            }
        }
    }

    /// Reads a tile that lies in the folder in this very form.
    pub(super) fn read(&self, tile: TilePath) -> Result<Option<Vec<u8>>, FileError> {
        bulla_files::read_up_to(&self.path(tile), most(tile))
    }

    pub(super) fn write(&self, tile: TilePath, content: &[u8]) -> Result<(), FileError> {
        bulla_files::write(&self.path(tile), content)
    }

    fn path(&self, tile: TilePath) -> PathBuf {
        self.root.join(tile.to_string())
    }

    /// An envelope is far below the limit of an entry, so this cannot happen.
    pub(super) fn too_large(&self) -> FileError {
        let error = io::ErrorKind::InvalidInput.into();
        FileError::new("write an entry to", &self.root, error)
    }
}

impl Tail {
    /// Returns the root that the hashes of a log with `size` entries lead to; nothing where they are not
    /// those of the last entries.
    fn root(&self, size: u64) -> Option<Digest> {
        let leaves = self.entries.iter().map(|entry| leaf_hash(entry));
        if !leaves.eq(self.hashes.first().into_iter().flatten().copied()) {
            return None;
        }
        let subtrees = self.hashes.iter().rev().flat_map(|hashes| {
            let mut peaks = Peaks::default();
            for hash in hashes {
                peaks.push(*hash);
            }
            peaks.hashes().to_vec()
        });
        Some(Peaks::from_parts(size, subtrees.collect())?.root())
    }

    /// Reads the tail of a log with `size` entries from its entries.
    pub(super) fn push(&mut self, entry: Vec<u8>) {
        let mut hash = leaf_hash(&entry);
        push_full(&mut self.entries, entry);
        for level in 0.. {
            if self.hashes.len() == level {
                self.hashes.push(Vec::new());
            }
            let hashes = &mut self.hashes[level];
            hashes.push(hash);
            if hashes.len() < usize::from(FULL) {
                break;
            }
            hash = parent_hash(hashes);
            hashes.clear();
        }
    }
}

fn push_full<T>(items: &mut Vec<T>, item: T) {
    items.push(item);
    if items.len() == usize::from(FULL) {
        items.clear();
    }
}

/// The items of a tile, of items that begin with number `start`.
fn slice<T>(items: &[T], tile: TilePath, start: u64) -> &[T] {
    let first = usize::try_from(tile.start().saturating_sub(start)).unwrap_or(usize::MAX);
    items
        .get(first..first.saturating_add(tile.width.into()))
        .unwrap_or_default()
}

/// Forgets the items of full tiles, of items that end before number `end`.
fn keep_last<T>(items: &mut Vec<T>, end: u64) {
    let keep = usize::try_from(end % u64::from(FULL)).unwrap_or(0);
    items.drain(..items.len().saturating_sub(keep));
}

/// Returns how many items a log with `size` entries has of a kind.
pub(super) fn items_of(kind: TileKind, size: u64) -> u64 {
    match kind {
        TileKind::Entries => size,
        TileKind::Hashes { level } => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
    }
}

/// Returns the most bytes that a tile has: a folder that somebody brought may have anything in it.
fn most(tile: TilePath) -> u64 {
    let item = match tile.kind {
        TileKind::Hashes { .. } => HASH,
        TileKind::Entries => (MAX_BUNDLE_SIZE / usize::from(FULL)) as u64,
    };
    item * u64::from(tile.width)
}

/// Returns how many bytes a tile has at the beginning of a wider form of it, if that is whole.
fn length_in(tile: TilePath, wider: &mut Object) -> io::Result<Option<u64>> {
    let size = wider.size();
    let length = match tile.kind {
        TileKind::Hashes { .. } => HASH * u64::from(tile.width),
        TileKind::Entries => {
            let mut reader = BufReader::new(&mut *wider);
            let mut length = 0;
            for _ in 0..tile.width {
                let mut prefix = [0; 2];
                match reader.read_exact(&mut prefix) {
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                    read => read?,
                }
                let entry = u16::from_be_bytes(prefix);
                reader.seek_relative(entry.into())?;
                length += 2 + u64::from(entry);
            }
            length
        }
    };
    wider.rewind()?;
    Ok((length <= size).then_some(length))
}

#[cfg(test)]
mod tests {
    use bulla_trust::merkle::tree_hash;
    use proptest::prelude::*;

    use super::*;

    fn entry(number: u64) -> Vec<u8> {
        number.to_string().into_bytes()
    }

    /// The root over a log's tiles, read as an auditor would.
    fn root(files: &LogFiles, size: u64) -> Digest {
        let leaves: Vec<Digest> = TilePath::hashes(0, 0, size)
            .flat_map(|tile| {
                let content = files.tile(tile, size).unwrap().unwrap();
                decode_hashes(&content, tile.width).unwrap()
            })
            .collect();
        tree_hash(&leaves)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn grows_the_same_in_any_steps(steps in proptest::collection::vec(1_u64..300, 1..6)) {
            let directory = tempfile::tempdir().unwrap();
            let files = LogFiles::new(directory.path().to_owned());
            let (mut size, mut tail) = (0, Tail::default());
            for step in steps {
                let new: Vec<_> = (size..size + step).map(entry).collect();
                files.grow(size, &new, &mut tail).unwrap();
                files.prune(size, size + step);
                size += step;
            }
            let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&entry(n))).collect();
            prop_assert_eq!(root(&files, size), tree_hash(&leaves));
            for tile in TilePath::hashes(1, 0, size) {
                let content = files.tile(tile, size).unwrap().unwrap();
                let expected: Vec<_> = leaves
                    .chunks(256)
                    .take(tile.width.into())
                    .map(parent_hash)
                    .collect();
                prop_assert_eq!(decode_hashes(&content, tile.width).unwrap(), expected);
            }
            let mut again = Tail::default();
            (0..size).for_each(|n| again.push(entry(n)));
            prop_assert_eq!(again.entries, tail.entries);
            for width in [1, 255] {
                let kind = TileKind::Entries;
                let bundle = files.tile(TilePath { kind, index: 0, width }, size).unwrap();
                prop_assert_eq!(bundle.is_some(), u64::from(width) <= size);
                if let Some(bundle) = bundle {
                    prop_assert_eq!(decode_entries(&bundle, width).unwrap()[0].clone(), entry(0));
                }
            }
        }
    }

    #[test]
    fn shows_nothing_that_is_not_covered() {
        let directory = tempfile::tempdir().unwrap();
        let files = LogFiles::new(directory.path().to_owned());
        let mut tail = Tail::default();
        let new: Vec<_> = (0..5).map(entry).collect();
        files.grow(0, &new, &mut tail).unwrap();
        let tile = |width| TilePath {
            kind: TileKind::Entries,
            index: 0,
            width,
        };
        assert!(files.tile(tile(5), 4).unwrap().is_none());
        assert_eq!(
            files.entries_behind(3).unwrap().len(),
            0,
            "3 were never published"
        );
        assert_eq!(files.entries_behind(0).unwrap(), new);
    }
}
