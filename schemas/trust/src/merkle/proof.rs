//! Inclusion and consistency proofs (RFC 9162 §2.1.3 and §2.1.4), for witnesses, other people's
//! tools and tests. A reader that replays the log needs none.

use bulla_schemas::Digest;

use super::hash::{empty_root, node_hash, split, tree_hash};

/// Returns the proof that the leaf at `index` is in the tree, from the leaf up; `None` when the
/// tree has no such leaf.
pub fn inclusion_proof(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    let (mut part, mut index) = (leaves, index);
    while part.len() > 1 {
        let (left, right) = part.split_at(split(part.len()));
        if index < left.len() {
            proof.push(tree_hash(right));
            part = left;
        } else {
            proof.push(tree_hash(left));
            index -= left.len();
            part = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Tells whether `proof` shows that `leaf` is entry `index` of the tree of `size` leaves with
/// this root (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    leaf: Digest,
    index: u64,
    size: u64,
    root: &Digest,
    proof: &[Digest],
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Returns the proof that the tree of the first `size` leaves is a prefix of the whole tree;
/// `None` when `size` is 0 or larger than the tree.
pub fn consistency_proof(leaves: &[Digest], size: usize) -> Option<Vec<Digest>> {
    if size == 0 || size > leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    let (mut part, mut size, mut is_old_root) = (leaves, size, true);
    while size < part.len() {
        let (left, right) = part.split_at(split(part.len()));
        if size <= left.len() {
            proof.push(tree_hash(right));
            part = left;
        } else {
            proof.push(tree_hash(left));
            size -= left.len();
            part = right;
            is_old_root = false;
        }
    }
    if !is_old_root {
        proof.push(tree_hash(part));
    }
    proof.reverse();
    Some(proof)
}

/// The same for a tree of `size` leaves whose hashes lie elsewhere: `complete` gives the root of the
/// complete subtree of `2^height` leaves with a number, counted from the left. It is asked for as many as
/// the sizes have bits, a few times over.
pub fn consistency_proof_by<E>(
    old_size: u64,
    size: u64,
    mut complete: impl FnMut(u32, u64) -> Result<Digest, E>,
) -> Result<Option<Vec<Digest>>, E> {
    if old_size == 0 || old_size > size {
        return Ok(None);
    }
    let mut root = |from: u64, to: u64| range_root(from, to, &mut complete);
    let mut proof = Vec::new();
    let (mut from, mut to, mut is_old_root) = (0, size, true);
    while old_size < to {
        // Where RFC 6962 splits: the largest power of two below the number of leaves.
        let middle = from + (1 << (to - from - 1).ilog2());
        if old_size <= middle {
            proof.push(root(middle, to)?);
            to = middle;
        } else {
            proof.push(root(from, middle)?);
            from = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        proof.push(root(from, to)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// Folds the complete subtrees, largest first, of a range that begins where such a subtree does.
fn range_root<E>(
    mut from: u64,
    to: u64,
    complete: &mut impl FnMut(u32, u64) -> Result<Digest, E>,
) -> Result<Digest, E> {
    let mut peaks = Vec::new();
    while from < to {
        let height = (to - from).ilog2();
        peaks.push(complete(height, from >> height)?);
        from += 1 << height;
    }
    let folded = peaks.into_iter().rev();
    let folded = folded.reduce(|right, left| node_hash(&left, &right));
    Ok(folded.unwrap_or_else(empty_root))
}

/// Tells whether `proof` shows that the tree of `old_size` leaves is a prefix of the tree of
/// `size` leaves (RFC 9162 §2.1.4.2).
pub fn verify_consistency(
    old_size: u64,
    old_root: &Digest,
    size: u64,
    root: &Digest,
    proof: &[Digest],
) -> bool {
    if old_size == 0 || old_size > size {
        return false;
    }
    if old_size == size {
        return proof.is_empty() && old_root == root;
    }
    let (mut node, mut last) = (old_size - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A complete old tree is its own first node.
    let (first, rest) = if old_size.is_power_of_two() {
        (*old_root, proof)
    } else {
        match proof.split_first() {
            Some((first, rest)) => (*first, rest),
            None => return false,
        }
    };
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == *old_root && new == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn every_inclusion_proof_verifies_for_its_leaf_only() {
        for size in 1..=40 {
            let leaves = leaves(size);
            let root = tree_hash(&leaves);
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).unwrap();
                for (other, leaf) in leaves.iter().enumerate() {
                    assert_eq!(
                        verify_inclusion(*leaf, index as u64, size as u64, &root, &proof),
                        other == index
                    );
                }
                let longer = [&proof[..], &[root]].concat();
                assert!(!verify_inclusion(
                    leaves[index],
                    index as u64,
                    size as u64,
                    &root,
                    &longer
                ));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!verify_inclusion(
                        leaves[index],
                        index as u64,
                        size as u64,
                        &root,
                        shorter
                    ));
                }
            }
            assert!(inclusion_proof(&leaves, size).is_none());
        }
    }

    #[test]
    fn every_consistency_proof_verifies_for_its_sizes_only() {
        for size in 1..=40 {
            let leaves = leaves(size);
            let root = tree_hash(&leaves);
            for old in 1..=size {
                let proof = consistency_proof(&leaves, old).unwrap();
                let old_root = tree_hash(&leaves[..old]);
                assert!(verify_consistency(
                    old as u64,
                    &old_root,
                    size as u64,
                    &root,
                    &proof
                ));
                assert!(!verify_consistency(
                    old as u64,
                    &leaf_hash(b"x"),
                    size as u64,
                    &root,
                    &proof
                ));
                assert!(!verify_consistency(
                    old as u64,
                    &old_root,
                    size as u64,
                    &leaf_hash(b"x"),
                    &proof
                ));
                let longer = [&proof[..], &[root]].concat();
                assert!(!verify_consistency(
                    old as u64,
                    &old_root,
                    size as u64,
                    &root,
                    &longer
                ));
            }
            assert!(consistency_proof(&leaves, 0).is_none());
            assert!(consistency_proof(&leaves, size + 1).is_none());
        }
    }
}
