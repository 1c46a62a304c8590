//! `SharedList`: a list that only grows, in chunks that copies share.

use std::sync::Arc;

/// How many items a chunk holds: what a copy costs is a pointer to each chunk, and what the next push
/// costs after it is one chunk.
const CHUNK: usize = 256;

/// Items in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SharedList<T> {
    /// All but the last are full, and none is empty.
    chunks: Vec<Arc<Vec<T>>>,
}

impl<T: Clone> SharedList<T> {
    /// Adds an item.
    pub(super) fn push(&mut self, item: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(item),
            _ => self.chunks.push(Arc::new(vec![item])),
        }
    }

    /// Returns an item to change it.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(index / CHUNK)?;
        Arc::make_mut(chunk).get_mut(index % CHUNK)
    }
}

impl<T> SharedList<T> {
    /// Returns how many items there are.
    pub(super) fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| chunk.len());
        self.chunks.len().saturating_sub(1) * CHUNK + last
    }

    /// Returns an item.
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// Returns the items, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Returns the items before the first for which `is_late` holds, of items in whose order it holds
    /// from some place on.
    pub(super) fn until(
        &self,
        is_late: impl Fn(&T) -> bool,
    ) -> impl DoubleEndedIterator<Item = &T> + Clone {
        let is_early = |chunk: &Arc<Vec<T>>| chunk.last().is_some_and(|last| !is_late(last));
        let full = self.chunks.partition_point(is_early);
        let rest = self.chunks.get(full).map_or(&[][..], |chunk| {
            &chunk[..chunk.partition_point(|item| !is_late(item))]
        });
        let full = self.chunks[..full].iter().flat_map(|chunk| chunk.iter());
        full.chain(rest)
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Clone> FromIterator<T> for SharedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut all = Self::default();
        items.into_iter().for_each(|item| all.push(item));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_item_over_chunks() {
        let size = 2 * CHUNK + 1;
        let mut list: SharedList<usize> = (0..size).collect();
        assert_eq!(list.len(), size);
        assert!(list.iter().copied().eq(0..size));
        assert!(list.iter().rev().copied().eq((0..size).rev()));
        for index in 0..size {
            assert_eq!(list.get(index), Some(&index));
        }
        assert_eq!(list.get(size), None);
        *list.get_mut(CHUNK).unwrap() = 7;
        assert_eq!(list.get(CHUNK), Some(&7));
        assert!(list.get_mut(size).is_none());
        assert_eq!(SharedList::<usize>::default().len(), 0);
    }

    #[test]
    fn finds_where_it_becomes_late() {
        let list: SharedList<usize> = (0..=2 * CHUNK).collect();
        for end in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1] {
            let until = list.until(|item| *item >= end);
            assert!(until.copied().eq(0..end), "{end}");
            let mut until = list.until(|item| *item >= end);
            assert_eq!(until.next_back().copied(), end.checked_sub(1), "{end}");
        }
    }

    #[test]
    fn copies_share_all_but_the_last_chunk() {
        let mut list: SharedList<usize> = (0..CHUNK + 2).collect();
        let copy = list.clone();
        list.push(0);
        assert!(Arc::ptr_eq(&list.chunks[0], &copy.chunks[0]));
        assert_eq!((copy.len(), list.len()), (CHUNK + 2, CHUNK + 3));
        assert_eq!(copy.get(CHUNK + 2), None);
    }
}
