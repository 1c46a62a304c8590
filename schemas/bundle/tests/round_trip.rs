//! What is written is read back exactly, whatever the tree and the number of threads, and other
//! programs read the same.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bulla_bundle::{
    Content, Limits, MemoryTree, NoProgress, SourceEntry, SourceKind, SourceTree, VerifiedBundle,
};
use bulla_schemas::Digest;
use bulla_schemas::index::EntryKind;
use proptest::prelude::*;

use super::support::{blob, options, seed, tar, verify, write};

fn tree() -> MemoryTree {
    let noise = noise(3_000_000, 1);
    MemoryTree::default()
        .file("a/b", "b")
        .and_then(|tree| tree.file("a-b", "sorts between `a` and `a/b`"))
        .and_then(|tree| tree.executable("bin/run", "#!/bin/sh\n"))
        .and_then(|tree| tree.directory("empty"))
        .and_then(|tree| tree.file("empty-file", ""))
        .and_then(|tree| tree.link("latest", "bin/run"))
        .and_then(|tree| tree.link("deep/er/up", "../../a/b"))
        .and_then(|tree| tree.file("noise", noise))
        .and_then(|tree| tree.file("zeros", vec![0; 5_000_000]))
        .and_then(|tree| tree.file(&format!("{0}/{0}/{0}", "long".repeat(40)), "pax"))
        .and_then(|tree| tree.file("zwölf/ü", "utf-8"))
        .unwrap()
}

/// Bytes that compress a little, the same for the same seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_le_bytes()[5] & 0x3f
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn reads_back_what_it_wrote() {
    let bundle = write(&tree()).unwrap();
    let verified = verify(&bundle, &Limits::default()).unwrap();
    assert_eq!(verified.hash(), bundle.hash());
    assert_eq!(verified.entries(), bundle.entries());
    assert_eq!(verified.release(), bundle.release());
    let paths: Vec<_> = verified.entries().iter().map(|e| e.path.as_str()).collect();
    assert_eq!(paths[..4], ["a", "a-b", "a/b", "bin"]);

    let tar = tar(&verified, &blob(&bundle, 1));
    assert_eq!(tar.len() as u64, verified.release().tar);
    for (entry, span) in verified.entries().iter().zip(verified.layout()) {
        let content = &tar[bounds(&span.content)];
        match &entry.kind {
            EntryKind::File { size, digest, .. } => {
                assert_eq!(content.len() as u64, *size, "{}", entry.path);
                assert_eq!(Digest::of(content), *digest, "{}", entry.path);
            }
            _ => assert!(content.is_empty()),
        }
        assert_eq!(
            &tar[usize::try_from(span.start).unwrap()..][257..262],
            b"ustar"
        );
    }
}

fn bounds(range: &std::ops::Range<u64>) -> std::ops::Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

#[test]
fn finds_the_frames_of_a_file() {
    let bundle = write(&tree()).unwrap();
    let verified = verify(&bundle, &Limits::default()).unwrap();
    let frames = verified.payload_frames();
    for span in verified.layout() {
        let range = span.start..span.content.end;
        let found = verified.frames_of(range.clone());
        assert!(frames[found.start].offset <= range.start);
        assert!(frames[found.start].end() > range.start);
        assert!(frames[found.end - 1].offset < range.end);
        assert!(frames[found.end - 1].end() >= range.end);
    }
    assert!(verified.frames_of(700..700).is_empty());
    assert_eq!(verified.frames_of(0..u64::MAX), 0..frames.len());
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let hashes: Vec<_> = [1, 2, 3, 8]
        .map(|threads| {
            bulla_bundle::write(&tree(), seed(), &options(threads), &NoProgress)
                .unwrap()
                .hash()
        })
        .to_vec();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

/// Hands every content over as a stream.
struct Streamed(MemoryTree);

impl SourceTree for Streamed {
    fn entries(&self) -> &[SourceEntry] {
        self.0.entries()
    }

    fn content(&self, position: usize) -> std::io::Result<Content> {
        let Content::Memory(bytes) = self.0.content(position)? else {
            unreachable!("a memory tree has its contents in memory");
        };
        Ok(Content::Stream {
            size: bytes.len() as u64,
            reader: Box::new(std::io::Cursor::new(bytes)),
        })
    }
}

#[test]
fn a_streamed_file_is_the_same_as_one_in_memory() {
    let streamed = write(&Streamed(tree())).unwrap();
    assert_eq!(streamed.hash(), write(&tree()).unwrap().hash());
}

#[test]
fn the_order_of_the_source_changes_nothing() {
    let there = MemoryTree::default()
        .file("a", "1")
        .and_then(|t| t.file("b", "2"));
    let back = MemoryTree::default()
        .file("b", "2")
        .and_then(|t| t.file("a", "1"));
    assert_eq!(
        write(&there.unwrap()).unwrap().hash(),
        write(&back.unwrap()).unwrap().hash()
    );
}

/// Needs the programs `zstd` and `tar`.
#[test]
fn zstd_and_tar_read_the_payload() {
    let bundle = write(&tree()).unwrap();
    let verified = verify(&bundle, &Limits::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let payload = directory.path().join("payload.tar.zst");
    std::fs::write(&payload, blob(&bundle, 1)).unwrap();

    let zstd = Command::new("zstd")
        .args(["-d", "-c"])
        .arg(&payload)
        .output()
        .unwrap();
    assert!(zstd.status.success());
    assert!(zstd.stdout == tar(&verified, &blob(&bundle, 1)));

    let tree = directory.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let unpacked = Command::new("tar")
        .args(["--zstd", "-x", "-f"])
        .arg(&payload)
        .arg("-C")
        .arg(&tree)
        .status()
        .unwrap();
    assert!(unpacked.success());
    assert_same_tree(&verified, &tree);
}

#[cfg(unix)]
fn assert_same_tree(verified: &VerifiedBundle, tree: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in verified.entries() {
        let path = tree.join(entry.path.as_str());
        let metadata = path.symlink_metadata().unwrap();
        match &entry.kind {
            EntryKind::Directory => assert!(metadata.is_dir()),
            EntryKind::File {
                executable, digest, ..
            } => {
                assert_eq!(Digest::of(&std::fs::read(&path).unwrap()), *digest);
                assert_eq!(metadata.permissions().mode() & 0o100 != 0, *executable);
            }
            EntryKind::Link { target } => {
                assert_eq!(path.read_link().unwrap().to_str(), Some(target.as_str()));
            }
        }
    }
}

/// Needs the program `zstd`.
#[test]
fn zstd_reads_index_and_frame_table() {
    let bundle = write(&tree()).unwrap();
    let verified = verify(&bundle, &Limits::default()).unwrap();
    assert_eq!(decompress(&blob(&bundle, 2)), verified.index_bytes());
    let table = String::from_utf8(decompress(&blob(&bundle, 3))).unwrap();
    assert_eq!(
        table.lines().count(),
        1 + verified.payload_frames().len() + verified.index_frames().len()
    );
}

fn decompress(bytes: &[u8]) -> Vec<u8> {
    let mut zstd = Command::new("zstd")
        .args(["-d", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = zstd.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = zstd.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    output.stdout
}

prop_compose! {
    fn any_tree()(
        files in prop::collection::btree_map(
            "[ab]{1,2}(/[a-c.-]{1,30}x){0,4}",
            (any::<bool>(), 0_usize..300_000, any::<u64>()),
            1..24,
        ),
        links in prop::collection::btree_set("l[a-f]{1,3}", 0..4),
    ) -> MemoryTree {
        let mut tree = MemoryTree::default();
        let mut taken: Vec<String> = Vec::new();
        for (path, (executable, len, seed)) in files {
            let clashes = taken.iter().any(|other| path.starts_with(&format!("{other}/")));
            if clashes {
                continue;
            }
            let content = noise(len, seed);
            tree = if executable {
                tree.executable(&path, content).unwrap()
            } else {
                tree.file(&path, content).unwrap()
            };
            taken.push(path);
        }
        for link in links {
            tree = tree.link(&link, "a/b").unwrap();
        }
        tree
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_back_exactly_and_the_same_by_any_number_of_threads(
        tree in any_tree(),
        threads in 1_usize..5,
    ) {
        let bundle = write(&tree).unwrap();
        let verified = verify(&bundle, &Limits::default()).unwrap();
        let tar = tar(&verified, &blob(&bundle, 1));
        for (position, source) in tree.entries().iter().enumerate() {
            let at = verified.entries().binary_search_by(|e| e.path.cmp(&source.path)).unwrap();
            match (&source.kind, &verified.entries()[at].kind) {
                (SourceKind::File { executable, .. }, EntryKind::File { executable: read, .. }) => {
                    prop_assert_eq!(executable, read);
                    let Content::Memory(content) = tree.content(position).unwrap() else {
                        unreachable!("a memory tree has its contents in memory");
                    };
                    prop_assert_eq!(&tar[bounds(&verified.layout()[at].content)], &content[..]);
                }
                (SourceKind::Link { target }, EntryKind::Link { target: read }) => {
                    prop_assert_eq!(target, read);
                }
                (source, read) => prop_assert!(false, "{:?} became {:?}", source, read),
            }
        }
        let again = bulla_bundle::write(&tree, seed(), &options(threads), &NoProgress).unwrap();
        prop_assert_eq!(again.hash(), bundle.hash());
    }
}
