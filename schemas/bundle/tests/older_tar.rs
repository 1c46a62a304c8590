//! What lies in an older release's tar is told from its index, and made again from its files.

use std::collections::BTreeMap;
use std::ops::Range;

use bulla_bundle::{Limits, MemoryTree, TarPart, VerifiedBundle};
use proptest::prelude::*;

use super::support::{blob, tar, verify, write};

/// The content of each file, and a link for one without a content.
type Files = BTreeMap<String, Option<Vec<u8>>>;

fn tree(files: &Files) -> MemoryTree {
    let mut tree = MemoryTree::default();
    for (path, content) in files {
        tree = match content {
            Some(content) if content.first().is_some_and(|byte| byte & 1 == 1) => {
                tree.executable(path, content.clone()).unwrap()
            }
            Some(content) => tree.file(path, content.clone()).unwrap(),
            None => tree.link(path, &"t".repeat(path.len())).unwrap(),
        };
    }
    tree
}

/// A release and its tar.
fn release(files: &Files) -> (VerifiedBundle, Vec<u8>) {
    let bundle = write(&tree(files)).unwrap();
    let verified = verify(&bundle, &Limits::default()).unwrap();
    let tar = tar(&verified, &blob(&bundle, 1));
    (verified, tar)
}

/// Puts parts together from files.
fn join(parts: &[TarPart], files: &Files) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in parts {
        match part {
            TarPart::Implied(bytes) => joined.extend_from_slice(bytes),
            TarPart::Content { path, range } => {
                let content = files[path.as_str()].as_ref().unwrap();
                joined.extend_from_slice(slice(content, range));
            }
        }
    }
    joined
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

fn check(older: &Files, newer: &Files, ranges: &[Range<u64>]) {
    let (older_bundle, older_tar) = release(older);
    let (newer, _) = release(newer);
    let len = older_tar.len() as u64;
    let ranges: Vec<Range<u64>> = ranges
        .iter()
        .map(|range| range.start % len..(range.start % len + range.end).min(len))
        .collect();
    let index = older_bundle.index_bytes();
    let parts = newer.parts_of_older_tar(index, &ranges).unwrap();
    assert_eq!(parts.len(), ranges.len());
    for (parts, range) in parts.iter().zip(&ranges) {
        assert!(join(parts, older) == slice(&older_tar, range), "{range:?}");
    }
}

fn any_files() -> impl Strategy<Value = Files> {
    // Some paths need an extended header, some a split one.
    let path = prop_oneof![
        "[a-c]{1,2}/[a-d]{1,2}x",
        "[a-c]{1,2}y",
        "[a-b]{30}/[a-b]{60}/[a-b]{40}",
        "[a-b]{120}",
    ];
    let content = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000).prop_map(Some),
        1 => Just(None),
    ];
    prop::collection::btree_map(path, content, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_range_of_an_older_tar_is_made_again(
        older in any_files(),
        changed in any_files(),
        kept in prop::collection::vec(any::<bool>(), 20),
        ranges in prop::collection::vec((0_u64..100_000, 0_u64..20_000), 0..4),
    ) {
        let mut newer = changed;
        let kept = older.iter().zip(kept).filter(|(_, kept)| *kept).map(|(file, _)| file);
        newer.extend(kept.map(|(path, content)| (path.clone(), content.clone())));
        let ranges: Vec<_> = ranges.into_iter().map(|(start, len)| start..len).collect();
        check(&older, &newer, &ranges);
    }

    #[test]
    fn a_damaged_index_does_no_harm(
        older in any_files(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (bundle, tar) = release(&older);
        let mut index = bundle.index_bytes().to_vec();
        let at = at.index(index.len());
        index[at] = byte;
        let whole = 0..tar.len() as u64;
        let ranges = [whole.clone(), 100..700, u64::MAX - 10..u64::MAX, 5..5];
        if let Some(parts) = bundle.parts_of_older_tar(&index, &ranges) {
            prop_assert_eq!(parts.len(), 4);
            let sizes = parts[0].iter().map(|part| match part {
                TarPart::Implied(bytes) => bytes.len() as u64,
                TarPart::Content { range, .. } => range.end - range.start,
            });
            prop_assert_eq!(sizes.sum::<u64>(), whole.end);
        }
    }
}

#[test]
fn sizes_that_no_tar_can_have_are_refused() {
    let files = Files::from([("a".to_owned(), Some(vec![1; 100]))]);
    let (bundle, _) = release(&files);
    let line = format!(
        "{{\"p\":\"a\",\"t\":\"f\",\"s\":{},\"d\":\"{}\"}}\n",
        u64::MAX,
        "0".repeat(64)
    );
    for index in [line.as_bytes(), b"no line\n"] {
        assert_eq!(bundle.parts_of_older_tar(index, &[0..10, 5..20]), None);
    }
}
