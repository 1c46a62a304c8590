//! The Merkle tree of RFC 6962 §2.1: leaf and node hashes, the fold that a reader keeps, and proofs.
//!
//! ```text
//! leaf = SHA-256(0x00 ‖ entry)        node = SHA-256(0x01 ‖ left ‖ right)
//! ```

mod hash;
mod proof;

use bulla_schemas::Digest;

pub use hash::{empty_root, leaf_hash, node_hash, tree_hash};
pub use proof::{
    consistency_proof, consistency_proof_by, inclusion_proof, verify_consistency, verify_inclusion,
};

/// A tree that only grows, as its size and the roots of its complete subtrees, largest first.
/// At most 64 hashes stand for any number of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    hashes: Vec<Digest>,
}

impl Peaks {
    /// Takes back what [`size`](Self::size) and [`hashes`](Self::hashes) returned; `None` when
    /// the number of hashes does not belong to the size.
    pub fn from_parts(size: u64, hashes: Vec<Digest>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// Adds a leaf hash.
    ///
    /// # Panics
    ///
    /// Never: as many subtrees stand there as the size has bits.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.hashes.pop().expect("one subtree per bit of the size");
            hash = node_hash(&left, &hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// Returns the root.
    pub fn root(&self) -> Digest {
        self.hashes
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }

    /// Returns how many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of the complete subtrees, largest first.
    pub fn hashes(&self) -> &[Digest] {
        &self.hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn roots_are_those_of_the_certificate_transparency_test_vectors() {
        // transparency-dev/merkle and the Go log share these eight leaves.
        let entries: [&[u8]; 8] = [
            b"",
            b"\0",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut peaks = Peaks::default();
        for (entry, root) in entries.iter().zip(roots) {
            peaks.push(leaf_hash(entry));
            assert_eq!(peaks.root().hex(), root);
        }
    }

    #[test]
    fn the_fold_is_the_recursive_tree_hash() {
        let leaves = leaves(300);
        let mut peaks = Peaks::default();
        for size in 0..=leaves.len() {
            assert_eq!(peaks.root(), tree_hash(&leaves[..size]), "size {size}");
            let parts = Peaks::from_parts(peaks.size(), peaks.hashes().to_vec());
            assert_eq!(parts.as_ref(), Some(&peaks));
            if let Some(leaf) = leaves.get(size) {
                peaks.push(*leaf);
            }
        }
    }

    #[test]
    fn peaks_with_a_wrong_number_of_hashes_do_not_exist() {
        assert!(Peaks::from_parts(3, vec![empty_root()]).is_none());
        assert!(Peaks::from_parts(0, vec![empty_root()]).is_none());
    }
}
