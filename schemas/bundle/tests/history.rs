//! A project, and what commits do to it.

use std::collections::BTreeMap;

use proptest::prelude::*;

pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4] & 0x3f
    };
    (0..len).map(|_| next()).collect()
}

/// About 12 MB in files of every size.
pub(crate) fn project() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for n in 0..300_u64 {
        let len = usize::try_from(n * 157 % 40_000).unwrap();
        files.insert(format!("src/{:02}/{n}.txt", n % 17), noise(len, n));
    }
    files.insert("media/film".to_owned(), noise(6_000_000, 9));
    files
}

/// What a commit does to a tree.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write(usize, usize, u64),
    Add(String, usize, u64),
    Remove(usize),
    Move(usize, String),
    Append(usize, u8),
}

pub(crate) fn any_change() -> impl Strategy<Value = Change> {
    let path = "[a-z]{1,3}/[a-z]{1,8}\\.n";
    prop_oneof![
        (any::<usize>(), 0_usize..200_000, any::<u64>())
            .prop_map(|(at, len, seed)| Change::Write(at, len, seed)),
        (path, 0_usize..2_500_000, any::<u64>())
            .prop_map(|(path, len, seed)| Change::Add(path, len, seed)),
        any::<usize>().prop_map(Change::Remove),
        (any::<usize>(), path).prop_map(|(at, path)| Change::Move(at, path)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Append(at, byte)),
    ]
}

pub(crate) fn apply(files: &mut BTreeMap<String, Vec<u8>>, change: Change) {
    let path = |files: &BTreeMap<String, Vec<u8>>, at: usize| {
        files.keys().nth(at % files.len()).unwrap().clone()
    };
    match change {
        Change::Write(at, len, seed) => {
            let path = path(files, at);
            files.insert(path, noise(len, seed));
        }
        Change::Add(path, len, seed) => {
            files.insert(path, noise(len, seed));
        }
        Change::Remove(at) => {
            let path = path(files, at);
            files.remove(&path);
        }
        Change::Move(at, to) => {
            let path = path(files, at);
            let content = files.remove(&path).unwrap();
            files.insert(to, content);
        }
        Change::Append(at, byte) => {
            let path = path(files, at);
            files.get_mut(&path).unwrap().push(byte);
        }
    }
}
