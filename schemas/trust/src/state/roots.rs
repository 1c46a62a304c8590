//! The Merkle root at every size of a log, in chunks that copies share.

use std::sync::Arc;

use bulla_schemas::Digest;

use crate::merkle::empty_root;

/// How many roots a chunk holds: what a copy costs is one chunk and a pointer to each of the rest.
const CHUNK: usize = 1024;

/// The roots at the sizes 1, 2, 3 and so on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roots {
    /// All but the last are full, and none is empty.
    chunks: Vec<Arc<Vec<Digest>>>,
}

impl Roots {
    /// Adds the root at the next size.
    pub(super) fn push(&mut self, root: Digest) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(root),
            _ => self.chunks.push(Arc::new(vec![root])),
        }
    }

    /// Returns the root at a size; `None` beyond the last.
    pub(super) fn at(&self, size: u64) -> Option<Digest> {
        let Some(index) = usize::try_from(size).ok()?.checked_sub(1) else {
            return Some(empty_root());
        };
        let chunk = self.chunks.get(index / CHUNK)?;
        chunk.get(index % CHUNK).copied()
    }

    /// Returns the root at the last size.
    pub(super) fn last(&self) -> Digest {
        let last = self.chunks.last().and_then(|chunk| chunk.last());
        last.copied().unwrap_or_else(empty_root)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl FromIterator<Digest> for Roots {
    fn from_iter<I: IntoIterator<Item = Digest>>(roots: I) -> Self {
        let mut all = Self::default();
        roots.into_iter().for_each(|root| all.push(root));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(size: u64) -> Digest {
        Digest::of(&size.to_be_bytes())
    }

    #[test]
    fn knows_the_root_at_every_size_over_chunks() {
        let sizes = 2 * CHUNK as u64 + 1;
        let roots: Roots = (1..=sizes).map(root).collect();
        assert_eq!(roots.at(0), Some(empty_root()));
        for size in 1..=sizes {
            assert_eq!(roots.at(size), Some(root(size)));
        }
        assert_eq!(roots.at(sizes + 1), None);
        assert_eq!(roots.last(), root(sizes));
        assert!(roots.iter().copied().eq((1..=sizes).map(root)));
    }

    #[test]
    fn copies_share_all_but_the_last_chunk() {
        let mut roots: Roots = (1..=CHUNK as u64 + 2).map(root).collect();
        let copy = roots.clone();
        roots.push(root(0));
        assert!(Arc::ptr_eq(&roots.chunks[0], &copy.chunks[0]));
        assert_eq!(copy.at(CHUNK as u64 + 3), None);
        assert_eq!(roots.last(), root(0));
    }
}
