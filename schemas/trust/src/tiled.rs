//! `TiledTree`: a tree whose root is known, as the roots of its full tiles and the leaves behind
//! them. With it an entry bundle can be checked before anything of it is believed, whatever comes
//! after it.

use bulla_schemas::Digest;

use crate::merkle::{Peaks, tree_hash};
use crate::tile::FULL;

/// The hashes of a tree at the height of its entry bundles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TiledTree {
    /// The roots of the full tiles: hashes of level 1.
    tiles: Vec<Digest>,
    /// The leaves behind the last full tile.
    rest: Vec<Digest>,
}

impl TiledTree {
    /// Takes the roots of the full tiles and the leaves behind them; `None` when those would fill
    /// another tile.
    pub fn new(tiles: Vec<Digest>, rest: Vec<Digest>) -> Option<Self> {
        (rest.len() < usize::from(FULL)).then_some(Self { tiles, rest })
    }

    /// Returns how many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.tiles.len() as u64 * u64::from(FULL) + self.rest.len() as u64
    }

    /// Returns the root.
    ///
    /// # Panics
    ///
    /// Never: the bits of the two counts are those of the size.
    pub fn root(&self) -> Digest {
        let [tiles, rest] = [&self.tiles, &self.rest].map(|hashes| {
            let mut peaks = Peaks::default();
            for hash in hashes {
                peaks.push(*hash);
            }
            peaks
        });
        let hashes = [tiles.hashes(), rest.hashes()].concat();
        let peaks = Peaks::from_parts(self.size(), hashes);
        peaks.expect("one subtree per bit of the size").root()
    }

    /// Tells whether these leaves, those of tile `index` of a tree that may have grown since, are
    /// this tree's.
    pub fn holds(&self, index: u64, leaves: &[Digest]) -> bool {
        let full = self.tiles.len() as u64;
        match usize::try_from(index)
            .ok()
            .and_then(|index| self.tiles.get(index))
        {
            Some(root) => leaves.len() == usize::from(FULL) && tree_hash(leaves) == *root,
            None => index > full || leaves.starts_with(&self.rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    fn tree(leaves: &[Digest]) -> TiledTree {
        let (tiles, rest) = leaves.as_chunks::<256>();
        let tiles = tiles.iter().map(|tile| tree_hash(tile)).collect();
        TiledTree::new(tiles, rest.to_vec()).unwrap()
    }

    #[test]
    fn has_the_root_of_its_leaves() {
        let leaves: Vec<_> = (0..1100_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        for size in [0, 1, 255, 256, 257, 511, 512, 700, 768, 1024, 1100] {
            let tree = tree(&leaves[..size]);
            assert_eq!(tree.root(), tree_hash(&leaves[..size]), "{size}");
            assert_eq!(tree.size(), size as u64);
        }
        assert!(TiledTree::new(Vec::new(), leaves[..256].to_vec()).is_none());
    }

    #[test]
    fn holds_its_leaves_and_no_others() {
        let leaves: Vec<_> = (0..800_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let tree = tree(&leaves[..600]);
        for (index, tile) in leaves.chunks(256).enumerate() {
            assert!(tree.holds(index as u64, tile), "{index}");
            let mut other = tile.to_vec();
            other[3] = leaf_hash(b"another");
            // Behind the tree's last leaf, anything may stand.
            assert_eq!(tree.holds(index as u64, &other), index == 3, "{index}");
        }
        assert!(!tree.holds(0, &leaves[..255]));
        assert!(!tree.holds(2, &leaves[512..599]));
        let mut grown = leaves[512..768].to_vec();
        grown[90] = leaf_hash(b"another");
        assert!(tree.holds(2, &grown));
    }
}
