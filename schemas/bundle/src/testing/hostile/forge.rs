//! `Forge`: a bundle in the making, of which every part can be changed.

use std::io::{self, Cursor, Read};

use bulla_schemas::frames::FrameRecord;
use bulla_schemas::install::Install;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::{Content, ReleaseDocument, Source};
use bulla_schemas::{Codec, Digest, ProjectName, Timestamp};

use super::entry::ForgedEntry;
use crate::bundle::BlobSource;
use crate::canonical::END;
use crate::cut;
use crate::document::{self, Blobs};
use crate::limits::Limits;
use crate::testing::golden::cut_all;
use crate::verify::{UnverifiedBundle, VerifiedBundle, VerifyError};
use crate::{frame, frame_table, seek_table};

type Change<T> = Box<dyn FnOnce(&mut T)>;

/// A bundle in the making. Each change sees what an honest writer would have made of the changes
/// before it.
pub struct Forge {
    entries: Vec<ForgedEntry>,
    project: ProjectName,
    source: Source,
    codec: Codec,
    install: Install,
    tar: Change<Vec<u8>>,
    index: Change<String>,
    cut: Change<Vec<usize>>,
    payload_frames: Change<Vec<ForgedFrame>>,
    index_frames: Change<Vec<ForgedFrame>>,
    seek_table: Change<Vec<u8>>,
    table: Change<String>,
    release: Change<ReleaseDocument>,
    release_text: Change<String>,
    manifest: Change<Manifest>,
    manifest_text: Change<String>,
    served: Change<Served>,
}

/// A frame and its line in the frame table.
#[derive(Debug, Clone)]
pub struct ForgedFrame {
    /// What the frame table says.
    pub record: FrameRecord,
    /// What stands in the blob.
    pub compressed: Vec<u8>,
}

impl ForgedFrame {
    /// Makes the record fit the compressed bytes again; the content's size and digest stay.
    pub fn reseal(&mut self) {
        self.record.compressed_size = self.compressed.len() as u64;
        self.record.compressed_digest = Digest::of(&self.compressed);
    }

    /// Replaces the content, honestly compressed.
    pub fn replace(&mut self, content: &[u8]) {
        *self = compressed(content);
    }
}

/// What is served in the end, whatever the digests say.
#[derive(Debug, Clone)]
pub struct Served {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The release document.
    pub release: Vec<u8>,
    /// The payload.
    pub payload: Vec<u8>,
    /// The index blob.
    pub index: Vec<u8>,
    /// The frame table's blob.
    pub frames: Vec<u8>,
}

/// A bundle as a hostile registry serves it.
#[derive(Debug, Clone)]
pub struct ForgedBundle {
    /// The hash that a statement would name.
    pub hash: Digest,
    /// The four descriptors: release document, payload, index, frame table.
    pub descriptors: [Descriptor; 4],
    /// The bytes.
    pub served: Served,
}

impl Default for Forge {
    fn default() -> Self {
        Self::new(vec![
            ForgedEntry::file("a.txt", b"one line\n"),
            ForgedEntry::directory("bin"),
            ForgedEntry::executable("bin/run", b"#!/bin/sh\n"),
            ForgedEntry::link("latest", "bin/run"),
        ])
    }
}

impl Forge {
    /// Begins with these entries, in this order.
    pub fn new(entries: Vec<ForgedEntry>) -> Self {
        let (project, source, codec) = origin();
        Self {
            entries,
            project,
            source,
            codec,
            install: Install::default(),
            tar: Box::new(|_| ()),
            index: Box::new(|_| ()),
            cut: Box::new(|_| ()),
            payload_frames: Box::new(|_| ()),
            index_frames: Box::new(|_| ()),
            seek_table: Box::new(|_| ()),
            table: Box::new(|_| ()),
            release: Box::new(|_| ()),
            release_text: Box::new(|_| ()),
            manifest: Box::new(|_| ()),
            manifest_text: Box::new(|_| ()),
            served: Box::new(|_| ()),
        }
    }

    /// Sets the project.
    #[must_use]
    pub fn project(mut self, project: ProjectName) -> Self {
        self.project = project;
        self
    }

    /// Sets what the bundle is said to be made of.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// Sets how the release document says that it is compressed.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets the install section.
    #[must_use]
    pub fn install(mut self, install: Install) -> Self {
        self.install = install;
        self
    }

    /// Changes the tar; its digest, size and frames follow.
    #[must_use]
    pub fn tar(mut self, change: impl FnOnce(&mut Vec<u8>) + 'static) -> Self {
        self.tar = Box::new(change);
        self
    }

    /// Changes the text of the index; its digest, size and frames follow.
    #[must_use]
    pub fn index(mut self, change: impl FnOnce(&mut String) + 'static) -> Self {
        self.index = Box::new(change);
        self
    }

    /// Changes the lengths of the payload's frames.
    #[must_use]
    pub fn cut(mut self, change: impl FnOnce(&mut Vec<usize>) + 'static) -> Self {
        self.cut = Box::new(change);
        self
    }

    /// Changes the frames of the payload; blob, frame table and seek table follow.
    #[must_use]
    pub fn payload_frames(mut self, change: impl FnOnce(&mut Vec<ForgedFrame>) + 'static) -> Self {
        self.payload_frames = Box::new(change);
        self
    }

    /// Changes the frames of the index; blob and frame table follow.
    #[must_use]
    pub fn index_frames(mut self, change: impl FnOnce(&mut Vec<ForgedFrame>) + 'static) -> Self {
        self.index_frames = Box::new(change);
        self
    }

    /// Changes the seek table; the payload's digest and size follow.
    #[must_use]
    pub fn seek_table(mut self, change: impl FnOnce(&mut Vec<u8>) + 'static) -> Self {
        self.seek_table = Box::new(change);
        self
    }

    /// Changes the text of the frame table; its blob follows.
    #[must_use]
    pub fn table(mut self, change: impl FnOnce(&mut String) + 'static) -> Self {
        self.table = Box::new(change);
        self
    }

    /// Changes what the release document says.
    #[must_use]
    pub fn release(mut self, change: impl FnOnce(&mut ReleaseDocument) + 'static) -> Self {
        self.release = Box::new(change);
        self
    }

    /// Changes the text of the release document; the manifest follows.
    #[must_use]
    pub fn release_text(mut self, change: impl FnOnce(&mut String) + 'static) -> Self {
        self.release_text = Box::new(change);
        self
    }

    /// Changes what the manifest says; the hash follows.
    #[must_use]
    pub fn manifest(mut self, change: impl FnOnce(&mut Manifest) + 'static) -> Self {
        self.manifest = Box::new(change);
        self
    }

    /// Changes the text of the manifest; the hash follows.
    #[must_use]
    pub fn manifest_text(mut self, change: impl FnOnce(&mut String) + 'static) -> Self {
        self.manifest_text = Box::new(change);
        self
    }

    /// Changes what is served under digests that no longer fit.
    #[must_use]
    pub fn served(mut self, change: impl FnOnce(&mut Served) + 'static) -> Self {
        self.served = Box::new(change);
        self
    }

    /// Makes the bundle.
    pub fn build(self) -> ForgedBundle {
        let mut tar: Vec<u8> = self.entries.iter().flat_map(ForgedEntry::tar).collect();
        tar.extend_from_slice(&END);
        (self.tar)(&mut tar);
        let mut index: String = self.entries.iter().map(|e| e.line.as_str()).collect();
        (self.index)(&mut index);

        let mut lengths = cut_all(&tar, cut::PAYLOAD);
        (self.cut)(&mut lengths);
        let mut payload_frames = frames(&tar, &lengths);
        (self.payload_frames)(&mut payload_frames);
        let mut index_frames = frames(index.as_bytes(), &cut_all(index.as_bytes(), cut::INDEX));
        (self.index_frames)(&mut index_frames);

        let records: Vec<_> = payload_frames.iter().map(|frame| frame.record).collect();
        let mut seek_table = seek_table::to_bytes(records.iter()).unwrap_or_default();
        (self.seek_table)(&mut seek_table);
        let mut payload = join(&payload_frames);
        payload.extend_from_slice(&seek_table);
        let index_blob = join(&index_frames);

        let index_records: Vec<_> = index_frames.iter().map(|frame| frame.record).collect();
        let mut table = text(frame_table::to_bytes(&records, &index_records));
        (self.table)(&mut table);
        let frames_blob = compressed(table.as_bytes()).compressed;

        let files = self.entries.iter().filter(|entry| entry.is_file);
        let mut release = ReleaseDocument {
            format: ReleaseDocument::FORMAT,
            project: self.project,
            source: self.source,
            recipe: Digest::of(b"recipe"),
            codec: self.codec,
            tar: tar.len() as u64,
            index: content(index.as_bytes()),
            files: files.clone().count() as u64,
            bytes: files.map(|entry| entry.content.len() as u64).sum(),
            install: self.install,
        };
        (self.release)(&mut release);
        let mut release_text = text(release.to_bytes());
        (self.release_text)(&mut release_text);

        let blobs = Blobs {
            release: content(release_text.as_bytes()),
            payload: content(&payload),
            index: content(&index_blob),
            frames: content(&frames_blob),
        };
        let mut manifest = document::manifest(&release, &blobs);
        (self.manifest)(&mut manifest);
        let mut manifest_text = text(manifest.to_bytes());
        (self.manifest_text)(&mut manifest_text);

        let hash = Digest::of(manifest_text.as_bytes());
        let mut served = Served {
            manifest: manifest_text.into_bytes(),
            release: release_text.into_bytes(),
            payload,
            index: index_blob,
            frames: frames_blob,
        };
        (self.served)(&mut served);
        let [payload, index, frames] = manifest.layers;
        ForgedBundle {
            hash,
            descriptors: [manifest.config, payload, index, frames],
            served,
        }
    }
}

impl ForgedBundle {
    /// Returns the blobs as they are served, beside their descriptors.
    pub fn blobs(&self) -> [(&Descriptor, &[u8]); 4] {
        let [release, payload, index, frames] = &self.descriptors;
        [
            (release, &self.served.release),
            (payload, &self.served.payload),
            (index, &self.served.index),
            (frames, &self.served.frames),
        ]
    }

    /// Reads the bundle as an installer does before it extracts.
    pub fn verify(&self, limits: &Limits) -> Result<VerifiedBundle, VerifyError> {
        let unverified = UnverifiedBundle {
            hash: self.hash,
            manifest: self.served.manifest.clone(),
        };
        let parts = unverified
            .verify_manifest(limits)?
            .verify_parts(self.served.release.clone(), self.served.frames.clone())?;
        let index = parts.decode_index(&self.served.index)?;
        parts.verify(index)
    }

    /// Decodes every frame of the payload as an installer does when it extracts.
    pub fn decode(&self, bundle: &VerifiedBundle) -> Result<(), VerifyError> {
        let mut rest = &self.served.payload[..];
        for (position, frame) in bundle.payload_frames().iter().enumerate() {
            let len = usize::try_from(frame.record.compressed_size).unwrap_or(usize::MAX);
            let (compressed, behind) = rest.split_at(len.min(rest.len()));
            bundle.decode_frame(position, compressed)?;
            rest = behind;
        }
        Ok(())
    }
}

impl BlobSource for ForgedBundle {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        let blobs = self.blobs();
        let found = blobs.iter().find(|(known, _)| *known == descriptor);
        match found {
            Some((_, bytes)) => Ok(Box::new(Cursor::new(bytes.to_vec()))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// What a bundle says of itself unless a test changes it.
fn origin() -> (ProjectName, Source, Codec) {
    let source = Source::Git {
        revision: "7fd1".repeat(10),
        tree: "a1b2".repeat(10),
        committed: Timestamp::EPOCH,
    };
    let codec = Codec::current(LEVEL.into()).expect("a level of zstd");
    let project = "acme/billing".parse().expect("a project's name");
    (project, source, codec)
}

const LEVEL: u8 = 3;

fn frames(bytes: &[u8], lengths: &[usize]) -> Vec<ForgedFrame> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    for len in lengths {
        let (content, behind) = rest.split_at(*len);
        frames.push(compressed(content));
        rest = behind;
    }
    frames
}

fn compressed(content: &[u8]) -> ForgedFrame {
    let compressed = frame::compress(content, LEVEL).expect("libzstd compresses what fits memory");
    ForgedFrame {
        record: frame_table::record(content, &compressed),
        compressed,
    }
}

fn join(frames: &[ForgedFrame]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|frame| frame.compressed.iter().copied())
        .collect()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("documents are UTF-8")
}

fn content(bytes: &[u8]) -> Content {
    Content {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    }
}
