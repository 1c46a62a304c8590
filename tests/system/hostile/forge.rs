//! `Forge`: makes bundles byte by byte, so that it can make those that Bulla never would.
//!
//! Whatever is changed at one stage, everything above it is made to match: a lie in the tar has
//! an honest digest in the release document, and so on up to the hash.

use std::collections::BTreeMap;

use bulla_schemas::frames::{FrameRecord, FrameTableHeader};
use bulla_schemas::install::Install;
use bulla_schemas::manifest::{CREATED, Descriptor, Manifest, REVISION, TITLE};
use bulla_schemas::release::{Content, ReleaseDocument, Source};
use bulla_schemas::{Codec, Digest, media_type};

/// An entry of the tar, as its header will say it.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) flag: u8,
    pub(crate) mode: u32,
    pub(crate) target: String,
    pub(crate) content: Vec<u8>,
}

impl Entry {
    pub(crate) fn directory(path: &str) -> Self {
        Self::new(path, b'5', 0o755, "", b"")
    }

    pub(crate) fn file(path: &str, content: &[u8]) -> Self {
        Self::new(path, b'0', 0o644, "", content)
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self::new(path, b'2', 0o777, target, b"")
    }

    fn new(path: &str, flag: u8, mode: u32, target: &str, content: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            flag,
            mode,
            target: target.to_owned(),
            content: content.to_vec(),
        }
    }

    /// Returns the ustar header.
    pub(crate) fn header(&self) -> [u8; 512] {
        let mut header = [0; 512];
        let slash = if self.flag == b'5' { "/" } else { "" };
        let mut put = |offset: usize, text: &str| {
            header[offset..offset + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, &format!("{}{slash}", self.path));
        put(100, &format!("{:07o}", self.mode));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", self.content.len()));
        put(136, "00000000000");
        put(157, &self.target);
        put(257, "ustar");
        put(263, "00");
        put(329, "0000000");
        put(337, "0000000");
        header[156] = self.flag;
        sum(&mut header);
        header
    }

    fn index_line(&self) -> String {
        let path = serde_json::to_string(&self.path).unwrap();
        let digest = Digest::of(&self.content).hex();
        let size = self.content.len();
        let executable = if self.mode & 0o100 == 0 {
            ""
        } else {
            r#","x":true"#
        };
        match self.flag {
            b'5' => format!("{{\"p\":{path},\"t\":\"d\"}}\n"),
            b'2' => {
                let target = serde_json::to_string(&self.target).unwrap();
                format!("{{\"p\":{path},\"t\":\"l\",\"l\":{target}}}\n")
            }
            _ => format!(
                "{{\"p\":{path},\"t\":\"f\"{executable},\"s\":{size},\"d\":\"{digest}\"}}\n"
            ),
        }
    }
}

/// Puts the right checksum into a header.
pub(crate) fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// What to change at each stage; nothing by default.
pub(crate) struct Forge {
    /// The entries, of which tar and index are made.
    pub(crate) entries: fn(&mut Vec<Entry>),
    /// The uncompressed tar.
    pub(crate) tar: fn(&mut Vec<u8>),
    /// The uncompressed index.
    pub(crate) index: fn(String) -> String,
    /// The one frame of the payload.
    pub(crate) frame: fn(Vec<u8>) -> Vec<u8>,
    /// The uncompressed frame table.
    pub(crate) frame_table: fn(String) -> String,
    /// The compressed frame table.
    pub(crate) frame_table_blob: fn(Vec<u8>) -> Vec<u8>,
    /// The release document.
    pub(crate) release: fn(String) -> String,
    /// The manifest.
    pub(crate) manifest: fn(String) -> String,
}

impl Forge {
    /// Changes nothing: an honest bundle.
    pub(crate) const HONEST: Self = Self {
        entries: |_| {},
        tar: |_| {},
        index: |index| index,
        frame: |frame| frame,
        frame_table: |table| table,
        frame_table_blob: |blob| blob,
        release: |release| release,
        manifest: |manifest| manifest,
    };

    /// Makes the bundle of `project`.
    pub(crate) fn seal(&self, project: &str) -> Forged {
        let mut entries = vec![
            Entry::directory("bin"),
            Entry::file("bin/app", b"#!/bin/sh\necho forged\n"),
            Entry::link("bin/run", "app"),
            Entry::file("readme", b"forged\n"),
        ];
        entries[1].mode = 0o755;
        let files = |entries: &[Entry]| -> (u64, u64) {
            entries
                .iter()
                .filter(|entry| !matches!(entry.flag, b'5' | b'2'))
                .fold((0, 0), |(files, bytes), entry| {
                    (files + 1, bytes + entry.content.len() as u64)
                })
        };
        (self.entries)(&mut entries);
        let (files, bytes) = files(&entries);
        let mut tar = tar(&entries);
        (self.tar)(&mut tar);
        let index = (self.index)(entries.iter().map(Entry::index_line).collect());

        let (frame, payload_record) = frame(&tar, self.frame);
        let (index_blob, index_record) = frame_of_index(index.as_bytes());
        let payload = [frame, seek_table(&payload_record)].concat();
        let table = (self.frame_table)(frame_table(&[payload_record], &[index_record]));
        let frames = (self.frame_table_blob)(compress(table.as_bytes()));

        let document = ReleaseDocument {
            format: 1,
            project: project.parse().unwrap(),
            source: source(),
            recipe: Digest::of(b"a recipe"),
            codec: Codec::current(7).unwrap(),
            tar: tar.len() as u64,
            index: Content {
                digest: Digest::of(index.as_bytes()),
                size: index.len() as u64,
            },
            files,
            bytes,
            install: Install::default(),
        };
        let release = (self.release)(String::from_utf8(document.to_bytes()).unwrap());
        let blobs = [release.into_bytes(), payload, index_blob, frames];
        let manifest = (self.manifest)(manifest(project, &blobs));
        Forged {
            manifest: manifest.into_bytes(),
            blobs,
        }
    }
}

/// A bundle as bytes.
pub(crate) struct Forged {
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: [Vec<u8>; 4],
}

impl Forged {
    pub(crate) fn hash(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Returns the bytes of the manifest and all blobs.
    pub(crate) fn size(&self) -> u64 {
        self.blobs
            .iter()
            .chain([&self.manifest])
            .map(|part| part.len() as u64)
            .sum()
    }
}

fn source() -> Source {
    Source::Git {
        revision: "7fd1".repeat(10),
        tree: "a1b2".repeat(10),
        committed: "2026-11-22T22:40:00Z".parse().unwrap(),
    }
}

pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        tar.extend_from_slice(&entry.header());
        tar.extend_from_slice(&entry.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

pub(crate) fn compress(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 7).unwrap()
}

fn frame(content: &[u8], change: fn(Vec<u8>) -> Vec<u8>) -> (Vec<u8>, FrameRecord) {
    let compressed = change(compress(content));
    let record = FrameRecord {
        compressed_size: compressed.len() as u64,
        size: content.len() as u64,
        compressed_digest: Digest::of(&compressed),
        digest: Digest::of(content),
    };
    (compressed, record)
}

fn frame_of_index(index: &[u8]) -> (Vec<u8>, FrameRecord) {
    frame(index, |frame| frame)
}

/// The zstd seekable format's table for one frame.
fn seek_table(frame: &FrameRecord) -> Vec<u8> {
    let small = |number: u64| u32::try_from(number).unwrap().to_le_bytes();
    [
        &0x184D_2A5E_u32.to_le_bytes()[..],
        &small(8 + 9),
        &small(frame.compressed_size),
        &small(frame.size),
        &small(1),
        &[0],
        &0x8F92_EAB1_u32.to_le_bytes(),
    ]
    .concat()
}

fn frame_table(payload: &[FrameRecord], index: &[FrameRecord]) -> String {
    let header = FrameTableHeader {
        format: 1,
        payload: payload.len() as u64,
        index: index.len() as u64,
    };
    let mut table = serde_json::to_string(&header).unwrap();
    table.push('\n');
    for record in payload.iter().chain(index) {
        table.push_str(&serde_json::to_string(record).unwrap());
        table.push('\n');
    }
    table
}

fn manifest(project: &str, blobs: &[Vec<u8>; 4]) -> String {
    let name = project.rsplit('/').next().unwrap();
    let stem = format!("{name}-{}", source().short_revision());
    let descriptor = |media_type: &str, blob: &[u8], extension: &str| Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(blob),
        size: blob.len() as u64,
        annotations: match extension {
            "" => BTreeMap::new(),
            _ => BTreeMap::from([(TITLE.to_owned(), format!("{stem}.{extension}"))]),
        },
    };
    let [release, payload, index, frames] = blobs;
    let manifest = Manifest::new(
        descriptor(media_type::RELEASE, release, ""),
        [
            descriptor(media_type::PAYLOAD, payload, "tar.zst"),
            descriptor(media_type::INDEX, index, "index.zst"),
            descriptor(media_type::FRAMES, frames, "frames.zst"),
        ],
        BTreeMap::from([
            (CREATED.to_owned(), source().committed().to_string()),
            (REVISION.to_owned(), source().revision().to_owned()),
        ]),
    );
    String::from_utf8(manifest.to_bytes()).unwrap()
}
