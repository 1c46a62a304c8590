//! `SharedMap`: a map in the order of its keys that only grows, in chunks that copies share.

use std::sync::Arc;

/// Most keys in a chunk. One that becomes fuller is divided.
const CHUNK: usize = 256;

/// Values by their keys.
#[derive(Debug, Clone)]
pub(super) struct SharedMap<K, V> {
    /// In order over all of them; none is empty.
    chunks: Vec<Arc<Vec<(K, V)>>>,
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Returns the value of a key to change it, and makes it where there is none.
    pub(super) fn get_or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        if self.chunks.is_empty() {
            self.chunks.push(Arc::default());
        }
        let mut number = self.chunk_of(key);
        let mut found = self.chunks[number].binary_search_by(|(known, _)| known.cmp(key));
        if found.is_err() && self.chunks[number].len() == CHUNK {
            let half = Arc::make_mut(&mut self.chunks[number]).split_off(CHUNK / 2);
            self.chunks.insert(number + 1, Arc::new(half));
            number = self.chunk_of(key);
            found = self.chunks[number].binary_search_by(|(known, _)| known.cmp(key));
        }
        let chunk = Arc::make_mut(&mut self.chunks[number]);
        let place = found.unwrap_or_else(|place| {
            chunk.insert(place, (key.clone(), make()));
            place
        });
        &mut chunk[place].1
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let place = chunk.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        Some(&chunk[place].1)
    }

    /// Returns what stands under keys from `first` on, in their order.
    pub(super) fn from(&self, first: &K) -> impl Iterator<Item = (&K, &V)> {
        let number = self.chunk_of(first);
        let begun = self.chunks.get(number).map_or(&[][..], |chunk| {
            &chunk[chunk.partition_point(|(known, _)| known < first)..]
        });
        let rest = self.chunks.iter().skip(number + 1);
        let rest = rest.flat_map(|chunk| chunk.iter());
        begun.iter().chain(rest).map(|(key, value)| (key, value))
    }

    /// Returns the chunk in which a key stands, or would: the last that does not begin behind it.
    fn chunk_of(&self, key: &K) -> usize {
        let behind = self.chunks.partition_point(|chunk| {
            let first = chunk.first();
            first.is_some_and(|(first, _)| first <= key)
        });
        behind.saturating_sub(1)
    }
}

impl<K, V> SharedMap<K, V> {
    /// Returns how many keys there are.
    pub(super) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Returns everything in the order of the keys.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        let all = self.chunks.iter().flat_map(|chunk| chunk.iter());
        all.map(|(key, value)| (key, value))
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

/// How it is divided depends on the order in which the keys came, and says nothing.
impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_divided_when_it_grows_and_shared_where_it_does_not() {
        let mut map = SharedMap::default();
        for key in (0..4 * CHUNK).rev() {
            *map.get_or_insert_with(&key, || 0) += key;
        }
        assert!(map.chunks.len() > 4 && map.len() == 4 * CHUNK);
        let copy = map.clone();
        map.get_or_insert_with(&(9 * CHUNK), || 0);
        assert!(Arc::ptr_eq(&map.chunks[0], &copy.chunks[0]));
        assert_eq!(copy.get(&(9 * CHUNK)), None);
        assert!(copy != map);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn is_as_any_ordered_map(keys in prop::collection::vec(0..3000_u32, 0..2500), first in 0..3000_u32) {
            let (mut map, mut expected) = (SharedMap::default(), BTreeMap::new());
            for key in &keys {
                *map.get_or_insert_with(key, || 0) += 1;
                *expected.entry(*key).or_insert(0) += 1;
            }
            prop_assert_eq!(map.len(), expected.len());
            prop_assert!(map.iter().eq(expected.iter()));
            prop_assert!(map.iter().rev().eq(expected.iter().rev()));
            prop_assert!(map.from(&first).eq(expected.range(first..)));
            prop_assert_eq!(map.get(&first), expected.get(&first));
            let again: BTreeMap<_, _> = expected.iter().rev().collect();
            let mut other = SharedMap::default();
            for (key, value) in again.into_iter().rev() {
                other.get_or_insert_with(key, || *value);
            }
            prop_assert!(map == other);
        }
    }
}
