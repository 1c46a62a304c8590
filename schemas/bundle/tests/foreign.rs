//! Whatever the writer wrote, other programs read the same: the crate `tar`, GNU tar and Python's
//! `tarfile`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_bundle::{Limits, LogCopy, MemoryTree, VerifiedBundle, write_bundle_file};
use bulla_schemas::Digest;
use bulla_schemas::index::EntryKind;
use proptest::prelude::*;

use super::support::{blob, tar, verify, write};

/// Prints one JSON array for each entry, as [`Seen`] has it.
const TARFILE: &str = r#"
import hashlib, json, sys, tarfile
with tarfile.open(sys.argv[1], "r:") as archive:
    for entry in archive:
        assert (entry.uid, entry.gid, entry.mtime) == (0, 0, 0), entry
        content = archive.extractfile(entry).read() if entry.isreg() else b""
        print(json.dumps([entry.name, entry.type.decode(), entry.mode, len(content),
            hashlib.sha256(content).hexdigest(), entry.linkname]))
"#;

/// An entry as a reader reports it: path, type, mode, size, digest of the content, target.
type Seen = (String, String, u32, u64, String, String);

fn seen(path: &str, kind: &str, mode: u32, content: (u64, Digest), target: &str) -> Seen {
    let (size, digest) = content;
    (
        path.to_owned(),
        kind.to_owned(),
        mode,
        size,
        digest.hex(),
        target.to_owned(),
    )
}

/// What every reader must report of a bundle's tar.
fn expected(bundle: &VerifiedBundle) -> Vec<Seen> {
    let nothing = (0, Digest::of(b""));
    let entries = bundle.entries().iter().map(|entry| {
        let path = entry.path.as_str();
        match &entry.kind {
            EntryKind::Directory => seen(path, "5", 0o755, nothing, ""),
            EntryKind::Link { target } => seen(path, "2", 0o777, nothing, target.as_str()),
            EntryKind::File {
                executable,
                size,
                digest,
            } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                seen(path, "0", mode, (*size, *digest), "")
            }
        }
    });
    entries.collect()
}

/// Reads with the crate `tar`.
fn by_crate(bytes: &[u8]) -> Vec<Seen> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        let kind = char::from(header.entry_type().as_byte()).to_string();
        let target = entry.link_name_bytes().map_or(String::new(), |t| text(&t));
        seen(
            text(&entry.path_bytes()).trim_end_matches('/'),
            &kind,
            header.mode().unwrap(),
            (content.len() as u64, Digest::of(&content)),
            &target,
        )
    });
    entries.collect()
}

/// Reads with `tarfile`.
fn by_python(file: &Path) -> Vec<Seen> {
    let output = Command::new("python3")
        .args(["-c", TARFILE])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Unpacks with GNU tar and reads what it made.
#[cfg(unix)]
fn by_gnu_tar(file: &Path, expected: &[Seen]) -> Vec<Seen> {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .args(["-x", "-p", "-f"])
        .arg(file)
        .arg("-C")
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    let unpacked = expected.iter().map(|(path, ..)| {
        let place = directory.path().join(path);
        let metadata = place.symlink_metadata().unwrap();
        let (kind, content, target) = if metadata.is_symlink() {
            ("2", Vec::new(), place.read_link().unwrap())
        } else if metadata.is_dir() {
            ("5", Vec::new(), PathBuf::new())
        } else {
            ("0", std::fs::read(&place).unwrap(), PathBuf::new())
        };
        let mode = metadata.permissions().mode() & 0o7777;
        let content = (content.len() as u64, Digest::of(&content));
        seen(path, kind, mode, content, target.to_str().unwrap())
    });
    unpacked.collect()
}

prop_compose! {
    /// Names and targets of every length that a header treats in another way.
    fn any_tree()(
        files in prop::collection::btree_map(
            "[ab](/[a-cü]{1,60}){0,3}(/[d.-]{1,120}e)?",
            (any::<bool>(), prop::sample::select(vec![0, 1, 511, 512, 513, 70_000])),
            1..12,
        ),
        directories in prop::collection::btree_set("f[a-c]{0,110}(/[a-c]{90,110})?", 0..4),
        links in prop::collection::btree_map("l[a-c]{1,110}", "[a-c]{1,9}(/[x-z]{40,110}){0,2}", 0..4),
    ) -> MemoryTree {
        let mut tree = MemoryTree::default();
        let mut taken: Vec<String> = Vec::new();
        for (path, (executable, len)) in files {
            if taken.iter().any(|other| path.starts_with(&format!("{other}/"))) {
                continue;
            }
            let content = path.as_bytes().iter().copied().cycle().take(len).collect::<Vec<_>>();
            tree = if executable {
                tree.executable(&path, content).unwrap()
            } else {
                tree.file(&path, content).unwrap()
            };
            taken.push(path);
        }
        for path in directories {
            tree = tree.directory(&path).unwrap();
        }
        for (path, target) in links {
            tree = tree.link(&path, &target).unwrap();
        }
        tree
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Needs the programs `tar` and `python3`.
    #[test]
    fn other_programs_read_the_tar_that_was_written(tree in any_tree()) {
        let bundle = write(&tree).unwrap();
        let verified = verify(&bundle, &Limits::default()).unwrap();
        let tar = tar(&verified, &blob(&bundle, 1));
        let expected = expected(&verified);
        prop_assert_eq!(&by_crate(&tar), &expected);

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &tar).unwrap();
        prop_assert_eq!(&by_python(file.path()), &expected);
        #[cfg(unix)]
        prop_assert_eq!(&by_gnu_tar(file.path(), &expected), &expected);
    }
}

/// Needs the programs `tar` and `python3`.
#[test]
fn other_programs_read_a_bundle_file() {
    let tree = MemoryTree::default().file("a.txt", "one line\n").unwrap();
    let bundle = write(&tree).unwrap();
    let log = LogCopy {
        checkpoint: b"origin\n2\nroot\n\nsignature\n".to_vec(),
        entries: vec![b"first".to_vec(), vec![b'x'; 512]],
    };
    let mut bytes = Vec::new();
    write_bundle_file(&mut bytes, bundle.manifest_bytes(), &bundle, Some(&log)).unwrap();

    let content = |bytes: &[u8]| (bytes.len() as u64, Digest::of(bytes));
    let entries = by_crate(&bytes);
    let manifest = format!("blobs/sha256/{}", bundle.hash().hex());
    let known = [
        ("bulla/checkpoint", content(&log.checkpoint)),
        ("bulla/entries/000000000000", content(&log.entries[0])),
        ("bulla/entries/000000000001", content(&log.entries[1])),
        (&manifest, content(bundle.manifest_bytes())),
    ];
    assert_eq!(entries.len(), 2 + known.len() + 4);
    for (entry, (path, content)) in entries[2..].iter().zip(known) {
        assert_eq!(*entry, seen(path, "0", 0o644, content, ""));
    }

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    assert_eq!(by_python(file.path()), entries);
    #[cfg(unix)]
    assert_eq!(by_gnu_tar(file.path(), &entries), entries);
}
