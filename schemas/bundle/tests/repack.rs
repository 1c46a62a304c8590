//! A pack with what an earlier one left gives the same bundle, and reads only what changed.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_bundle::{
    Bundle, CachedFrame, Content, Earlier, FrameCache, NoProgress, Previous, SourceEntry,
    SourceKind, SourceTree,
};
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::release;
use bulla_schemas::{Digest, EntryPath, LinkTarget};
use proptest::prelude::*;

use super::support::{options, seed, write};

/// Contents from here on are streamed, as large files of a checkout are.
const STREAMED: usize = 1024 * 1024;

/// A tree that knows contents by their digest, and counts the files that are read.
#[derive(Default)]
struct Checkout {
    entries: Vec<SourceEntry>,
    contents: Vec<Vec<u8>>,
    reads: AtomicUsize,
}

impl Checkout {
    fn new(files: &BTreeMap<String, Vec<u8>>, links: &[&str], earlier: &Memory) -> Self {
        let mut checkout = Self::default();
        for (path, content) in files {
            let kind = SourceKind::File {
                executable: content.first().is_some_and(|byte| byte & 1 == 1),
                known: earlier.known.get(&Digest::of(content)).copied(),
            };
            checkout.push(path, kind, content.clone());
        }
        for link in links {
            let path: EntryPath = link.parse().unwrap();
            let target = LinkTarget::new("x/y", &path).unwrap();
            checkout.push(link, SourceKind::Link { target }, Vec::new());
        }
        checkout
    }

    fn push(&mut self, path: &str, kind: SourceKind, content: Vec<u8>) {
        let path = path.parse().unwrap();
        self.entries.push(SourceEntry { path, kind });
        self.contents.push(content);
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl SourceTree for Checkout {
    fn entries(&self) -> &[SourceEntry] {
        &self.entries
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let content = self.contents[position].clone();
        Ok(if content.len() < STREAMED {
            Content::Memory(content)
        } else {
            Content::Stream {
                size: content.len() as u64,
                reader: Box::new(Cursor::new(content)),
            }
        })
    }
}

/// What earlier packs left.
#[derive(Default)]
struct Memory {
    frames: Mutex<HashMap<Digest, CachedFrame>>,
    known: HashMap<Digest, release::Content>,
    previous: Option<Previous>,
}

impl FrameCache for Memory {
    fn load(&self, content: Digest) -> Option<CachedFrame> {
        self.frames.lock().unwrap().get(&content).cloned()
    }

    fn store(&self, record: &FrameRecord, compressed: &[u8]) {
        let frame = CachedFrame {
            digest: record.compressed_digest,
            compressed: compressed.to_vec(),
        };
        self.frames.lock().unwrap().insert(record.digest, frame);
    }
}

impl Memory {
    fn pack(&self, tree: &Checkout) -> Bundle {
        let earlier = Earlier {
            frames: self,
            previous: self.previous.as_ref(),
        };
        bulla_bundle::rewrite(tree, seed(), &options(2), Some(earlier), &NoProgress).unwrap()
    }

    fn remember(&mut self, tree: &Checkout, bundle: &Bundle) {
        for content in &tree.contents {
            let digest = Digest::of(content);
            let size = content.len() as u64;
            self.known.insert(digest, release::Content { digest, size });
        }
        self.previous = Some(Previous {
            entries: bundle.entries().to_vec(),
            payload: bundle.payload_frames().to_vec(),
        });
    }

    /// Forgets every frame for which `is_lost`.
    fn lose(&self, is_lost: impl Fn(usize) -> bool) {
        let mut frames = self.frames.lock().unwrap();
        let mut keys: Vec<_> = frames.keys().copied().collect();
        keys.sort_unstable_by_key(Digest::to_string);
        for (_, key) in keys.iter().enumerate().filter(|(at, _)| is_lost(*at)) {
            frames.remove(key);
        }
    }
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
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
fn project() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for n in 0..300_u64 {
        let len = usize::try_from(n * 157 % 40_000).unwrap();
        files.insert(format!("src/{:02}/{n}.txt", n % 17), noise(len, n));
    }
    files.insert("media/film".to_owned(), noise(6_000_000, 9));
    files
}

fn assert_same(tree: &Checkout, bundle: &Bundle) {
    assert_eq!(write(tree).unwrap().hash(), bundle.hash());
}

#[test]
fn only_files_near_the_change_are_read() {
    let mut memory = Memory::default();
    let mut files = project();
    let tree = Checkout::new(&files, &["latest"], &memory);
    let first = memory.pack(&tree);
    assert_same(&tree, &first);
    memory.remember(&tree, &first);

    let unchanged = Checkout::new(&files, &["latest"], &memory);
    let again = memory.pack(&unchanged);
    assert_eq!(unchanged.reads(), 0);
    assert_same(&unchanged, &again);

    files.insert("src/05/5.txt".to_owned(), b"one line\n".to_vec());
    let changed = Checkout::new(&files, &["latest"], &memory);
    let bundle = memory.pack(&changed);
    let reads = changed.reads();
    assert!(
        (1..files.len() / 2).contains(&reads),
        "{reads} of {} files",
        files.len()
    );
    assert_same(&changed, &bundle);
}

#[test]
fn a_lost_frame_only_costs_time() {
    let mut memory = Memory::default();
    let files = project();
    let tree = Checkout::new(&files, &[], &memory);
    let first = memory.pack(&tree);
    let hash = first.hash();
    memory.remember(&tree, &first);
    for every in [5, 2, 1] {
        memory.lose(|at| at % every == 0);
        let again = Checkout::new(&files, &[], &memory);
        assert_eq!(memory.pack(&again).hash(), hash);
        assert!(again.reads() >= files.len());
    }
}

#[test]
fn a_wrong_memory_changes_nothing() {
    let mut memory = Memory::default();
    let mut files = project();
    let tree = Checkout::new(&files, &[], &memory);
    let first = memory.pack(&tree);
    memory.remember(&tree, &first);
    // The file that changes is said to be known, with a size and a digest that it does not have.
    let content = b"one line\n".to_vec();
    memory.known.insert(
        Digest::of(&content),
        release::Content {
            digest: Digest::of(b"something else"),
            size: 14,
        },
    );
    files.insert("src/05/5.txt".to_owned(), content);
    let changed = Checkout::new(&files, &[], &memory);
    assert_same(&changed, &memory.pack(&changed));

    // Frames that do not add up to the tar of the entries.
    memory.known.remove(&Digest::of(b"one line\n"));
    memory.previous.as_mut().unwrap().payload.pop();
    let changed = Checkout::new(&files, &[], &memory);
    assert_same(&changed, &memory.pack(&changed));
}

/// What a commit does to a tree.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, usize, u64),
    Add(String, usize, u64),
    Remove(usize),
    Move(usize, String),
    Append(usize, u8),
}

fn any_change() -> impl Strategy<Value = Change> {
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

fn apply(files: &mut BTreeMap<String, Vec<u8>>, change: Change) {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_the_bundles_that_cold_packs_give(
        commits in prop::collection::vec(prop::collection::vec(any_change(), 0..5), 1..5),
    ) {
        let mut memory = Memory::default();
        let mut files = project();
        let tree = Checkout::new(&files, &[], &memory);
        let first = memory.pack(&tree);
        memory.remember(&tree, &first);
        for commit in commits {
            for change in commit {
                apply(&mut files, change);
            }
            let tree = Checkout::new(&files, &["link"], &memory);
            let bundle = memory.pack(&tree);
            prop_assert_eq!(write(&tree).unwrap().hash(), bundle.hash());
            memory.remember(&tree, &bundle);
        }
    }
}
