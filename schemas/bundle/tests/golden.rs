//! Vectors that must never change: they are the format. When one of these fails, a dependency or
//! a change would give every release another hash.

use bulla_bundle::testing::golden::{compress, cut_index, cut_payload};
use bulla_bundle::{Limits, MemoryTree};
use bulla_schemas::Digest;

use super::support::{blob, verify, write};

/// The fixture: every kind of entry, names that need each form of header, and enough bytes for
/// several frames.
fn fixture() -> MemoryTree {
    let long = "a-directory-with-a-long-name-".repeat(4);
    MemoryTree::default()
        .file("README.md", "# Fixture\n")
        .and_then(|tree| tree.file("a/b.txt", "below a\n"))
        .and_then(|tree| tree.file("a-b.txt", "sorts before a/b.txt\n"))
        .and_then(|tree| tree.executable("bin/run", "#!/bin/sh\nexit 0\n"))
        .and_then(|tree| tree.directory("empty"))
        .and_then(|tree| tree.file("empty.txt", ""))
        .and_then(|tree| tree.link("latest", "bin/run"))
        .and_then(|tree| tree.file(&format!("{long}/split"), "ustar prefix\n"))
        .and_then(|tree| tree.file(&long.repeat(2), "pax path\n"))
        .and_then(|tree| tree.link("far", &"x/".repeat(60)))
        .and_then(|tree| tree.file("zwölf.txt", "utf-8\n"))
        .and_then(|tree| tree.file("words", words(2_000_000)))
        .and_then(|tree| tree.file("noise", noise(1_000_000)))
        .and_then(|tree| tree.file("zeros", vec![0; 3_000_000]))
        .unwrap()
}

/// A xorshift stream (Marsaglia 2003, 13/7/17), so that other implementations can make it too.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Something that compresses as text does.
fn words(len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 16);
    for byte in noise(len) {
        let word =
            &b"release bundle manifest index frame digest log head "[usize::from(byte % 40)..];
        bytes.extend(&word[..=usize::from(byte >> 5)]);
        if bytes.len() >= len {
            break;
        }
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn the_fixture_has_its_hash() {
    let bundle = write(&fixture()).unwrap();
    verify(&bundle, &Limits::default()).unwrap();
    let release = bundle.release();
    assert_eq!(
        hex(release.index.digest),
        "e2f8b9b37c4d6e445062fd6bb936398328ba364c2d55fb32a39b455dcf651c52"
    );
    let digests = bundle.blobs().map(|blob| hex(blob.descriptor().digest));
    assert_eq!(
        digests,
        [
            "f167f3f9c318522e4c056d482d3707ed5175cca29da829efb77a94960f6db743",
            "c6dd717fbe286649091edb374e4d922b086cf3a06a209de0bedada76d606f120",
            "a86a6a0437b28b913084199a6dcd76ffbccee6f714aeb1bd3c90c7ea6ddc9cee",
            "6f2098ed6864a2701d9029aef82e9d2610eb3ab69a8c401e17aec44e18a05136"
        ]
    );
    assert_eq!(
        hex(bundle.hash()),
        "a1f13a32f42623c9b8c5931605b6dd731b30885e3e0f54b7d8a6d7d1d70df5e0"
    );
}

#[test]
fn the_manifest_has_its_text() {
    let tree = MemoryTree::default().file("a.txt", "one line\n").unwrap();
    let bundle = write(&tree).unwrap();
    let text = String::from_utf8(bundle.manifest_bytes().to_vec()).unwrap();
    assert_eq!(text, include_str!("golden/manifest.json").trim_end());
    let release = String::from_utf8(blob(&bundle, 0)).unwrap();
    assert_eq!(release, include_str!("golden/release.json").trim_end());
}

#[test]
fn a_stream_is_cut_where_it_always_was() {
    let noise = noise(8 * 1024 * 1024);
    assert_eq!(cut_payload(&noise), PAYLOAD_CUTS);
    assert_eq!(cut_index(&noise[..600_000]), INDEX_CUTS);
    assert_eq!(cut_payload(&[0; 1]), [1]);
    assert_eq!(
        cut_payload(&vec![0; 5_000_000]),
        [2_097_152, 2_097_152, 805_696]
    );
}

const PAYLOAD_CUTS: &[usize] = &[
    532_150, 618_582, 592_791, 671_048, 540_917, 1_027_048, 604_807, 824_540, 621_740, 958_782,
    786_717, 313_935, 295_551,
];
const INDEX_CUTS: &[usize] = &[
    22_033, 22_717, 41_059, 55_968, 33_907, 70_353, 78_316, 24_953, 15_531, 20_675, 12_408, 62_609,
    9_743, 33_833, 9_028, 19_017, 35_765, 23_214, 8_871,
];

#[test]
fn a_frame_has_its_bytes() {
    let sentence = b"The writer has one possible output for a tree. ";
    assert_eq!(compress(&sentence.repeat(3), 7).unwrap(), FRAME);
}

const FRAME: &[u8] = &[
    40, 181, 47, 253, 32, 141, 189, 1, 0, 244, 2, 84, 104, 101, 32, 119, 114, 105, 116, 101, 114,
    32, 104, 97, 115, 32, 111, 110, 101, 32, 112, 111, 115, 115, 105, 98, 108, 101, 32, 111, 117,
    116, 112, 117, 116, 32, 102, 111, 114, 32, 97, 32, 116, 114, 101, 101, 46, 32, 1, 0, 95, 57,
    169, 50,
];

/// Levels use different parts of libzstd; each must give the same bytes on every machine.
#[test]
fn every_level_has_its_bytes() {
    let words = words(700_000);
    let digests: Vec<_> = (1..=19)
        .map(|level| Digest::of(&compress(&words, level).unwrap()).short())
        .collect();
    assert_eq!(digests, LEVELS);
}

const LEVELS: &[&str] = &[
    "2e0240420c58",
    "a73c9c97cc4c",
    "48bdfb1711c0",
    "5a61e23c736c",
    "ed229e305001",
    "f0190a5cc18e",
    "d940a78374ea",
    "789ef5164f80",
    "789ef5164f80",
    "4b3c16953fa7",
    "4b77fcb31f10",
    "4b77fcb31f10",
    "1f489a4b6aa6",
    "f78683b0e918",
    "66a292d3b761",
    "981c0966658c",
    "c8a911b5f975",
    "138ab4c728b4",
    "665da07e581b",
];

fn hex(digest: Digest) -> String {
    digest.hex()
}
