//! Trees that the writer refuses, and sources that fail while they are read.

use std::io::{self, Read};

use bulla_bundle::{
    Content, LimitError, Limits, MemoryTree, NoProgress, Progress, SourceEntry, SourceKind,
    SourceTree, TreeError, WriteError, WriteOptions,
};
use bulla_schemas::install::Install;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::recipe::Platform;
use bulla_schemas::{Digest, LinkTarget};

use super::support::{options, seed, verify, write};

fn refusal(tree: Result<MemoryTree, bulla_schemas::path::PathError>) -> WriteError {
    write(&tree.unwrap()).expect_err("the tree is refused")
}

#[test]
fn refuses_the_same_path_twice() {
    let tree = MemoryTree::default();
    let twice = tree.file("a/b", "1").and_then(|tree| tree.file("a/b", "2"));
    match refusal(twice) {
        WriteError::Tree(TreeError::Duplicate { path }) => assert_eq!(path.as_str(), "a/b"),
        other => panic!("{other}"),
    }
}

#[test]
fn refuses_a_file_where_a_directory_is_needed() {
    let tree = MemoryTree::default();
    let clash = tree.file("a", "1").and_then(|tree| tree.file("a/b/c", "2"));
    match refusal(clash) {
        WriteError::Tree(error @ TreeError::BelowNoDirectory { .. }) => {
            assert_eq!(
                error.to_string(),
                "`a/b` lies below `a`, which is not a directory"
            );
            assert!(error.hint().is_some());
        }
        other => panic!("{other}"),
    }
    let both = MemoryTree::default();
    let both = both.file("a", "1").and_then(|tree| tree.directory("a"));
    assert!(matches!(
        refusal(both),
        WriteError::Tree(TreeError::Duplicate { .. })
    ));
}

#[test]
fn refuses_an_empty_tree() {
    let error = refusal(Ok(MemoryTree::default()));
    assert!(matches!(error, WriteError::Tree(TreeError::Empty)));
    assert_eq!(error.kind(), FailureKind::Refused);
}

#[test]
fn refuses_a_persistent_path_in_the_tree() {
    let tree = MemoryTree::default()
        .file("var/uploads/a.png", "x")
        .unwrap();
    let mut seed = seed();
    seed.install = Install {
        persist: vec!["var/uploads".parse().unwrap()],
        ..Install::default()
    };
    let error = bulla_bundle::write(&tree, seed, &options(1), &NoProgress);
    assert!(matches!(
        error,
        Err(WriteError::Tree(TreeError::Persistent { .. }))
    ));
}

#[test]
fn warns_about_names_for_windows_and_refuses_them_in_a_release_for_windows() {
    let tree = MemoryTree::default();
    let tree = tree.file("Aux.txt", "").and_then(|tree| tree.file("a", ""));
    let tree = tree.and_then(|tree| tree.file("A", "")).unwrap();
    let bundle = write(&tree).unwrap();
    assert_eq!(bundle.problems().len(), 2);
    let read = verify(&bundle, &Limits::default()).unwrap();
    assert_eq!(read.windows_problems(), bundle.problems());

    let mut seed = seed();
    seed.platforms = vec![Platform::Linux, Platform::Windows];
    let error = bulla_bundle::write(&tree, seed, &options(1), &NoProgress);
    let error = error.expect_err("names that Windows cannot hold");
    assert_eq!(
        error.to_string(),
        "2 names do not fit Windows, for which this release is made\n\
         `Aux.txt`: `Aux.txt` names a device on Windows\n\
         `A` and `a` differ only in case"
    );
}

#[test]
fn refuses_another_codec() {
    let tree = MemoryTree::default().file("a", "1").unwrap();
    let mut seed = seed();
    seed.codec = "zstd-1.5.6/7".parse().unwrap();
    let error = bulla_bundle::write(&tree, seed, &options(1), &NoProgress);
    assert_eq!(
        error.expect_err("another codec").to_string(),
        "expected the codec of this program, zstd-1.5.7, found zstd-1.5.6/7"
    );
}

#[test]
fn refuses_what_a_reader_would_refuse() {
    let tree = MemoryTree::default()
        .file("a/b/c", vec![0; 3_000_000])
        .and_then(|tree| tree.file("d", "1"))
        .unwrap();
    let refusal = |limits| {
        let options = WriteOptions {
            limits,
            ..options(2)
        };
        match bulla_bundle::write(&tree, seed(), &options, &NoProgress) {
            Err(WriteError::Limit(error) | WriteError::Tree(TreeError::Limit(error))) => error,
            Err(WriteError::Ratio { path, size, source }) => {
                assert_eq!((path.as_str(), size), ("a/b/c", 3_000_000));
                source
            }
            other => panic!("{other:?}"),
        }
    };
    let default = Limits::default;
    assert!(matches!(
        refusal(Limits {
            entries: 3,
            ..default()
        }),
        LimitError::Entries { found: 4, .. }
    ));
    assert!(matches!(
        refusal(Limits {
            depth: 2,
            ..default()
        }),
        LimitError::Depth { .. }
    ));
    assert!(matches!(
        refusal(Limits {
            file_size: 1000,
            ..default()
        }),
        LimitError::FileSize { .. }
    ));
    assert!(matches!(
        refusal(Limits {
            tar_size: 1_000_000,
            ..default()
        }),
        LimitError::TarSize { .. }
    ));
    assert!(matches!(
        refusal(Limits {
            index_size: 30,
            ..default()
        }),
        LimitError::IndexSize { .. }
    ));
    assert!(matches!(
        refusal(Limits {
            frame_table_size: 100,
            ..default()
        }),
        LimitError::FrameTableSize { .. }
    ));
    assert!(matches!(
        refusal(Limits {
            ratio: 10,
            ratio_from: 1000,
            ..default()
        }),
        LimitError::Ratio { .. }
    ));
}

/// A tree whose contents come from a function.
struct Made {
    entries: Vec<SourceEntry>,
    content: fn(usize) -> io::Result<Content>,
}

impl Made {
    fn files(count: usize, content: fn(usize) -> io::Result<Content>) -> Self {
        let entries = (0..count)
            .map(|number| SourceEntry {
                path: format!("file-{number:04}").parse().unwrap(),
                kind: SourceKind::File {
                    executable: false,
                    known: None,
                },
            })
            .collect();
        Self { entries, content }
    }
}

impl SourceTree for Made {
    fn entries(&self) -> &[SourceEntry] {
        &self.entries
    }

    fn content(&self, position: usize) -> io::Result<Content> {
        (self.content)(position)
    }
}

fn stream(size: u64, bytes: impl Read + Send + 'static) -> Content {
    Content::Stream {
        size,
        reader: Box::new(bytes),
    }
}

#[test]
fn refuses_a_file_that_has_another_size_than_announced() {
    let small: fn(usize) -> _ = |_| Ok(stream(9, &b"ten bytes."[..]));
    let short: fn(usize) -> _ = |_| Ok(stream(11, &b"ten bytes."[..]));
    let large: fn(usize) -> _ = |_| Ok(stream(3_000_000, io::repeat(1).take(3_000_001)));
    let large_short: fn(usize) -> _ = |_| Ok(stream(3_000_000, io::repeat(1).take(2_999_999)));
    for content in [small, short, large, large_short] {
        let error = write(&Made::files(3, content)).expect_err("another size");
        assert!(matches!(error, WriteError::Size { .. }), "{error}");
        assert_eq!(error.kind(), FailureKind::Failed);
    }
}

#[test]
fn names_the_file_that_cannot_be_read() {
    let broken: fn(usize) -> _ = |position| match position {
        400 => Err(io::Error::other("the object is missing")),
        _ => Ok(Content::Memory(vec![7; 100_000])),
    };
    match write(&Made::files(500, broken)).expect_err("a broken file") {
        WriteError::Read { path, source } => {
            assert_eq!(path.as_str(), "file-0400");
            assert_eq!(source.to_string(), "the object is missing");
        }
        other => panic!("{other}"),
    }
}

#[test]
#[should_panic(expected = "a scoped thread panicked")]
fn a_panic_of_the_source_is_handed_on_and_nobody_waits_for_ever() {
    let panics: fn(usize) -> _ = |position| match position {
        300 => panic!("a bug in the source"),
        _ => Ok(Content::Memory(vec![7; 100_000])),
    };
    let _ = write(&Made::files(500, panics));
}

#[test]
fn refuses_a_spool_directory_that_is_not_there() {
    let options = WriteOptions {
        spool: "/nonexistent/spool".into(),
        ..options(1)
    };
    let tree = MemoryTree::default().file("a", "1").unwrap();
    let error = bulla_bundle::write(&tree, seed(), &options, &NoProgress);
    let error = error.expect_err("no directory");
    assert_eq!(
        error.to_string(),
        "cannot create a temporary file in `/nonexistent/spool`"
    );
}

#[test]
fn checks_a_link_for_the_place_where_it_stands() {
    let target = LinkTarget::new("../../x", &"a/b/c".parse().unwrap()).unwrap();
    let tree = Made {
        entries: vec![SourceEntry {
            path: "link".parse().unwrap(),
            kind: SourceKind::Link { target },
        }],
        content: |_| Ok(Content::Memory(Vec::new())),
    };
    assert!(matches!(write(&tree), Err(WriteError::Link { .. })));
}

/// Counts what it is told.
#[derive(Default)]
struct Count(std::sync::atomic::AtomicU64);

impl Progress for Count {
    fn advance(&self, bytes: u64) {
        self.0
            .fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn progress_counts_every_byte_once() {
    let count = Count::default();
    let files = Made::files(40, |_| Ok(stream(1_300_000, io::repeat(3).take(1_300_000))));
    let bundle = bulla_bundle::write(&files, seed(), &options(2), &count).unwrap();
    assert_eq!(count.0.into_inner(), 40 * 1_300_000);
    assert_eq!(bundle.release().bytes, 40 * 1_300_000);
    assert_ne!(bundle.hash(), Digest::of(b""));
}
