//! The hashes of leaves, nodes and whole trees.

use bulla_schemas::Digest;
use sha2::{Digest as _, Sha256};

/// Returns the root of the empty tree, SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// Returns the hash of an entry as a leaf.
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Sha256::new()
        .chain_update([0])
        .chain_update(entry)
        .finalize()
        .into()
}

/// Returns the hash of two subtrees.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Sha256::new()
        .chain_update([1])
        .chain_update(left.as_bytes())
        .chain_update(right.as_bytes())
        .finalize()
        .into()
}

/// Returns the root over leaf hashes, by the recursive definition of RFC 6962.
pub fn tree_hash(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// The largest power of two below `size`, where RFC 6962 splits a tree. `size` is at least 2.
pub(super) const fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}
