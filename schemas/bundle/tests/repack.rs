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

use super::history::{any_change, apply, project};
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
