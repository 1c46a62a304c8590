//! What a witness is asked (C2SP tlog-witness): the request, and the proof in it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::Digest;
use bulla_trust::consistency_from_tiles;
use bulla_trust::merkle::{
    Peaks, consistency_proof, consistency_proof_by, leaf_hash, tree_hash, verify_consistency,
};
use bulla_trust::tile::{FULL, TileKind, TilePath};
use bulla_trust::witness::{AddCheckpoint, MAX_REQUEST_SIZE, MOST_HASHES};

#[test]
fn a_proof_by_subtrees_is_the_proof_by_leaves() {
    let leaves: Vec<Digest> = (0..40_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    for size in 1..=leaves.len() {
        for old in 1..=size {
            let subtree = |height: u32, index: u64| {
                let index = usize::try_from(index).unwrap();
                Ok::<_, ()>(tree_hash(&leaves[index << height..(index + 1) << height]))
            };
            let proof = consistency_proof_by(old as u64, size as u64, subtree);
            assert_eq!(proof, Ok(consistency_proof(&leaves[..size], old)));
        }
    }
}

#[test]
fn proofs_out_of_tiles_verify_at_every_border() {
    let size = 66_000;
    let mut level: Vec<Digest> = (0..size)
        .map(|n: u64| leaf_hash(&n.to_be_bytes()))
        .collect();
    let (mut peaks, mut roots) = (Peaks::default(), Vec::new());
    for leaf in &level {
        roots.push(peaks.root());
        peaks.push(*leaf);
    }
    roots.push(peaks.root());
    // Of each level, the whole: a tile is a part of it.
    let mut levels = BTreeMap::new();
    for number in 0..8 {
        let above = level.chunks_exact(FULL.into()).map(tree_hash).collect();
        levels.insert(number, std::mem::replace(&mut level, above));
    }
    let read = |tile: TilePath| {
        let TileKind::Hashes { level } = tile.kind else {
            return Err(tile);
        };
        let from = usize::try_from(tile.start()).unwrap();
        let hashes = levels[&level].get(from..from + usize::from(tile.width));
        hashes.map(<[Digest]>::to_vec).ok_or(tile)
    };
    let sizes = [
        1, 2, 3, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, size,
    ];
    for new in sizes {
        for old in sizes.into_iter().filter(|old| *old <= new) {
            let proof = consistency_from_tiles(old, new, read).unwrap().unwrap();
            let [before, after] = [old, new].map(|at| roots[usize::try_from(at).unwrap()]);
            let is_proof = verify_consistency(old, &before, new, &after, &proof);
            assert!(is_proof, "{old} {new}");
        }
    }
    assert_eq!(consistency_from_tiles(0, 5, read), Ok(Some(Vec::new())));
    assert_eq!(consistency_from_tiles(6, 5, read), Ok(None));
    assert!(consistency_from_tiles(1, size + 1, Err::<Vec<_>, _>).is_err());
}

#[test]
fn a_request_is_read_as_it_is_written() {
    let request = AddCheckpoint {
        old_size: 20_852_014,
        proof: vec![Digest::of(b"one"), Digest::of(b"two")],
        checkpoint: b"example.com/log\n3\n".to_vec(),
    };
    let bytes = request.to_bytes();
    assert!(bytes.starts_with(b"old 20852014\n"));
    assert_eq!(AddCheckpoint::from_bytes(&bytes), Some(request));
}

#[test]
fn whatever_has_another_form_is_refused() {
    let long = "A".repeat(MAX_REQUEST_SIZE);
    let hash = STANDARD.encode([7; 32]);
    let many = format!("old 1\n{}\n", format!("{hash}\n").repeat(MOST_HASHES + 1));
    for text in [
        "",
        "old 1",
        "old 1\n",
        "old 01\n\nnote",
        "old +1\n\nnote",
        "old -1\n\nnote",
        "old  1\n\nnote",
        "new 1\n\nnote",
        "old 18446744073709551616\n\nnote",
        "old 1\nnot base64\n\nnote",
        "old 1\nAAAA\n\nnote",
        &many,
        &format!("old 1\n\n{long}"),
    ] {
        assert_eq!(
            AddCheckpoint::from_bytes(text.as_bytes()),
            None,
            "{text:.60}"
        );
    }
}
