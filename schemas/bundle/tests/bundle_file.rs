//! A `.bulla` file: written and read back, read by other programs, and refused when one byte is
//! not what it must be.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::process::Command;

use bulla_bundle::{
    Bundle, BundleFile, BundleFileError, LimitError, Limits, LogCopy, MemoryTree, VerifyError,
    read_bundle_file, write_bundle_file,
};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::support::{blob, write};

fn bundle() -> Bundle {
    let tree = MemoryTree::default()
        .file("a.txt", "one line\n")
        .and_then(|tree| tree.executable("bin/run", "#!/bin/sh\n"));
    write(&tree.unwrap()).unwrap()
}

fn log() -> LogCopy {
    LogCopy {
        checkpoint: b"origin\n2\nroot\n\nsignature\n".to_vec(),
        entries: vec![b"first".to_vec(), vec![b'x'; 600]],
    }
}

fn written(log: Option<&LogCopy>) -> Vec<u8> {
    let bundle = bundle();
    let mut bytes = Vec::new();
    write_bundle_file(&mut bytes, bundle.manifest_bytes(), &bundle, log).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<BundleFile, BundleFileError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    read_bundle_file(file, &Limits::default())
}

#[test]
fn brings_back_the_bundle_and_the_log() {
    let bundle = bundle();
    for log in [None, Some(log())] {
        let file = read(&written(log.as_ref())).unwrap();
        assert_eq!(file.bundle().hash(), bundle.hash());
        assert_eq!(file.bundle().entries(), bundle.entries());
        assert_eq!(file.log(), log.as_ref());
        assert_eq!(file.index_blob(), blob(&bundle, 2));
        file.verify_payload().unwrap();
        let frame = file.read_frame(0).unwrap();
        file.bundle().decode_frame(0, &frame).unwrap();
        assert!(file.read_frame(1).is_err());
    }
}

#[test]
fn is_the_same_file_every_time() {
    assert_eq!(written(Some(&log())), written(Some(&log())));
}

/// Needs the program `tar`.
#[test]
fn is_an_oci_image_layout() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("release.bulla");
    std::fs::write(&path, written(Some(&log()))).unwrap();
    let tar = Command::new("tar")
        .arg("-x")
        .arg("-f")
        .arg(&path)
        .arg("-C")
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(tar.success());
    let read = |path: &str| std::fs::read(directory.path().join(path)).unwrap();
    assert_eq!(read("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
    let index: serde_json::Value = serde_json::from_slice(&read("index.json")).unwrap();
    let digest: Digest = index["manifests"][0]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(digest, bundle().hash());
    for descriptor in [digest, bundle().manifest().payload().digest] {
        let bytes = read(&format!("blobs/sha256/{}", descriptor.hex()));
        assert_eq!(Digest::of(&bytes), descriptor);
    }
    assert_eq!(read("bulla/entries/000000000001"), vec![b'x'; 600]);
}

/// The payload's frames are checked when they are decoded; everything else when the file is read.
#[test]
fn every_byte_counts() {
    let good = written(Some(&log()));
    for position in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[position] ^= 0x20;
        // The log's content is judged by its own signatures and hashes.
        let untouched = |file: &BundleFile| file.log() == Some(&log());
        let accepted = read(&bytes)
            .ok()
            .filter(|file| untouched(file) && file.verify_payload().is_ok());
        assert!(accepted.is_none(), "byte {position}");
    }
}

#[test]
fn refuses_a_file_that_is_cut_short() {
    let good = written(Some(&log()));
    for len in (0..good.len()).step_by(97) {
        let error = read(&good[..len]).expect_err("cut short");
        assert!(
            matches!(
                error,
                BundleFileError::Truncated | BundleFileError::End { .. }
            ),
            "{len}: {error}"
        );
        assert_eq!(error.kind(), FailureKind::Refused);
    }
}

#[test]
fn says_that_another_file_is_no_bundle_file() {
    for other in [&b"#!/bin/sh\n"[..], b"x", &[0; 4096], b"oci-lay-out"] {
        let error = read(other).expect_err("another file");
        assert!(matches!(error, BundleFileError::NotBundleFile), "{error}");
        assert!(error.hint().unwrap().contains("bulla export"));
    }
}

#[test]
fn refuses_bytes_behind_the_end() {
    let longer = [&written(None)[..], &[0; 512]].concat();
    assert!(matches!(read(&longer), Err(BundleFileError::End { .. })));
}

#[test]
fn refuses_a_file_that_does_not_belong() {
    let good = written(None);
    let first = &good[..1024];
    let twice = [first, &good[..]].concat();
    assert!(matches!(
        read(&twice),
        Err(BundleFileError::Header { field: "name", .. })
    ));
}

#[test]
fn refuses_another_header() {
    for (offset, value, expected) in [(156, b'1', "typeflag"), (106, b'5', "mode")] {
        let mut bytes = written(None);
        bytes[offset] = value;
        match read(&bytes) {
            Err(BundleFileError::Header { field, .. }) => assert_eq!(field, expected),
            other => panic!("{other:?}"),
        }
    }
}

/// A header with its checksum; what `change` did to it is what a reader would be asked to believe.
fn header(path: &str, size: u64, change: impl FnOnce(&mut tar::Header)) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_mode(0o644);
    header.set_size(size);
    change(&mut header);
    header.set_cksum();
    header
}

#[test]
fn refuses_a_header_that_other_readers_take_for_the_same_or_follow_elsewhere() {
    type Change = fn(&mut tar::Header);
    let changes: [(&str, Change); 6] = [
        ("size", |header| {
            header.as_old_mut().size = [0; 12];
            header.as_old_mut().size[0] = 0x80;
            header.as_old_mut().size[11] = 30;
        }),
        ("size", |header| header.set_size(u64::MAX >> 2)),
        ("magic", |header| {
            header.as_ustar_mut().unwrap().magic = *b"ustar ";
        }),
        ("typeflag", |header| {
            header.set_entry_type(tar::EntryType::GNUSparse);
        }),
        ("prefix", |header| {
            header.as_ustar_mut().unwrap().prefix[..3].copy_from_slice(b"etc");
        }),
        // The same checksum in the form of the crate `tar`.
        ("chksum", |_| ()),
    ];
    for (expected, change) in changes {
        let mut bytes = written(None);
        let mut block = tar::Header::from_byte_slice(&bytes[..512]).clone();
        change(&mut block);
        block.set_cksum();
        bytes[..512].copy_from_slice(block.as_bytes());
        match read(&bytes) {
            Err(BundleFileError::Header { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn refuses_an_entry_that_describes_the_next_one() {
    let good = written(None);
    let records = b"12 size=4096\n";
    for kind in *b"xgLKS" {
        let size = match kind {
            b'L' => 1 << 40,
            _ => records.len() as u64,
        };
        let front = header("oci-layout", size, |header| {
            header.set_entry_type(tar::EntryType::new(kind));
        });
        let mut bytes = front.as_bytes().to_vec();
        bytes.extend(records);
        bytes.resize(1024, 0);
        bytes.extend(&good);
        let error = read(&bytes).expect_err("another entry");
        assert!(
            matches!(
                error,
                BundleFileError::Header {
                    field: "mode" | "size" | "uid" | "typeflag",
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn refuses_zeros_in_front_of_an_entry() {
    let good = written(None);
    let first = [&[0; 512][..], &good].concat();
    assert!(matches!(read(&first), Err(BundleFileError::NotBundleFile)));
    let second = [&good[..1024], &[0; 512], &good[1024..]].concat();
    assert!(matches!(
        read(&second),
        Err(BundleFileError::Header { offset: 1024, .. })
    ));
}

#[test]
fn names_the_field_of_an_entry_whose_size_is_not_known_before() {
    // `index.json` is as long as its header says.
    for (offset, value, expected) in [(156, b'1', "typeflag"), (124, b'x', "size")] {
        let mut bytes = written(None);
        bytes[1024 + offset] = value;
        match read(&bytes) {
            Err(BundleFileError::Header {
                field,
                expected: path,
                ..
            }) => {
                assert_eq!((field, &*path), (expected, "index.json"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn refuses_bytes_hidden_behind_a_file() {
    let mut bytes = written(None);
    bytes[1000] = 1;
    assert!(matches!(read(&bytes), Err(BundleFileError::Padding { .. })));
}

#[test]
fn refuses_a_log_that_is_too_large() {
    let large = LogCopy {
        checkpoint: vec![b'c'; 1024 * 1024 + 1],
        entries: Vec::new(),
    };
    assert!(matches!(
        read(&written(Some(&large))),
        Err(BundleFileError::TooLarge { .. })
    ));
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&written(Some(&log()))).unwrap();
    let limits = Limits {
        log_size: 500,
        ..Limits::default()
    };
    assert!(matches!(
        read_bundle_file(file, &limits),
        Err(BundleFileError::Verify(VerifyError::Limit(
            LimitError::LogSize { .. }
        )))
    ));
}

#[test]
fn refuses_an_index_that_names_something_else() {
    let good = written(None);
    let text = String::from_utf8_lossy(&good[1536..2048]).into_owned();
    let other = text.replace("bundle.v1", "bundle.v9");
    assert_ne!(text, other);
    let mut bytes = good;
    bytes[1536..2048].copy_from_slice(other.as_bytes());
    assert!(matches!(read(&bytes), Err(BundleFileError::Index(None))));
}

#[test]
fn tells_when_the_file_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = File::open(directory.path()).unwrap();
    let error = read_bundle_file(file, &Limits::default()).expect_err("a directory");
    assert!(matches!(error, BundleFileError::Io { .. }));
    assert_eq!(error.kind(), FailureKind::Failed);
}
