//! Bundles: their documents, frames and tar, deltas and bundle files. Where a digest would refuse
//! what was changed, the digests are made to fit first.

use std::io::{Cursor, Write as _};
use std::sync::OnceLock;

use bulla_bundle::testing::hostile::{Forge, ForgedBundle, ForgedEntry};
use bulla_bundle::testing::{forge_delta, take_apart};
use bulla_bundle::{
    Cutter, DeltaDocuments, DeltaPlan, DeltaWriter, Frame, Limits, Part, UnverifiedBundle,
    VerifiedParts, cut_frames, read_bundle_file, windows_problems,
};
use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;
use bytes::Bytes;

/// The frames of a blob are the same however its bytes come: the first two bytes are how many of the
/// others come at once.
pub fn blob(bytes: &[u8]) {
    let Some((size, blob)) = bytes.split_first_chunk() else {
        return;
    };
    let size = usize::from(u16::from_le_bytes(*size)).max(1);
    let mut cutter = Cutter::new();
    for piece in blob.chunks(size) {
        cutter.push(piece);
    }
    assert_eq!(cutter.received(), blob.len() as u64);
    assert_eq!(cutter.digest(), Digest::of(blob));
    assert_eq!(cut_frames(blob).ok(), Some(cutter.frames()));
    let mut rest = blob;
    for BlobFrame { digest, size } in cutter.all_frames() {
        let size = usize::try_from(size).expect("a frame in memory");
        let (frame, behind) = rest.split_at(size);
        assert_eq!(digest, Digest::of(frame));
        rest = behind;
    }
    assert!(rest.is_empty(), "frames are all bytes of a blob");
}

/// The manifest of a bundle has one text.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::from_bytes(bytes) {
        assert_eq!(manifest.to_bytes(), bytes);
        let _ = manifest.total_size();
    }
}

/// A release document has one text.
pub fn release_document(bytes: &[u8]) {
    if let Ok(document) = ReleaseDocument::from_bytes(bytes) {
        assert_eq!(document.to_bytes(), bytes);
    }
}

/// A line of an index has one text.
pub fn index_line(bytes: &[u8]) {
    if let Ok(entry) = IndexEntry::from_line(bytes) {
        let mut line = Vec::new();
        entry.write_line(&mut line);
        let line = line.strip_suffix(b"\n").expect("a line ends");
        assert_eq!(line, bytes);
    }
}

/// An index whose release document fits: what is believed of it is what stands there.
pub fn index(bytes: &[u8]) {
    let Ok(text) = String::from_utf8(bytes.to_vec()) else {
        return;
    };
    let lines = text
        .lines()
        .map(|line| IndexEntry::from_line(line.as_bytes()));
    let entries: Vec<IndexEntry> = lines.filter_map(Result::ok).collect();
    let sizes: Vec<u64> = entries.iter().filter_map(size).collect();
    let (files, size) = (
        sizes.len() as u64,
        sizes.iter().copied().fold(0, u64::saturating_add),
    );
    let _ = windows_problems(entries.iter().map(|entry| &entry.path));
    let forged = |tar: Option<u64>| {
        let index = text.clone();
        let forge = Forge::default().index(move |text| *text = index);
        let forge = forge.release(move |release| {
            (release.files, release.bytes) = (files, size);
            release.tar = tar.unwrap_or(release.tar);
        });
        forge.build().verify(&limits())
    };
    // The first one tells the size of the tar that the index describes.
    let verified = match forged(None) {
        Err(bulla_bundle::VerifyError::TarSize { found, .. }) => forged(Some(found)),
        other => other,
    };
    if let Ok(bundle) = verified {
        assert_eq!(bundle.index_bytes(), bytes);
        assert_eq!(bundle.entries(), entries);
        let mut end = 0;
        for span in bundle.layout() {
            assert!(span.start >= end, "entries follow each other");
            assert!(
                span.content.start > span.start,
                "a header stands before its content"
            );
            end = span.content.end;
        }
    }
}

fn size(entry: &IndexEntry) -> Option<u64> {
    match &entry.kind {
        EntryKind::File { size, .. } => Some(*size),
        _ => None,
    }
}

/// A frame table in a bundle that it fits: its frames follow each other.
pub fn frame_table(bytes: &[u8]) {
    let Ok(table) = String::from_utf8(bytes.to_vec()) else {
        return;
    };
    let bundle = Forge::default().table(move |text| *text = table).build();
    if let Some(parts) = parts(&bundle) {
        for part in [Part::Payload, Part::Index] {
            follow_each_other(parts.frames(part));
        }
        let _ = parts.seek_table();
    }
}

fn follow_each_other(frames: &[Frame]) {
    let (mut content, mut compressed) = (0, 0);
    for frame in frames {
        assert_eq!(
            (frame.offset, frame.compressed_offset),
            (content, compressed)
        );
        (content, compressed) = (frame.end(), frame.span().end);
    }
}

/// A compressed frame of an index, whatever it says of its size.
pub fn frame(bytes: &[u8]) {
    let compressed = bytes.to_vec();
    let forge = Forge::default().index_frames(move |frames| {
        let frame = &mut frames[0];
        frame.compressed = compressed;
        frame.reseal();
    });
    let bundle = forge.build();
    let index = parts(&bundle).and_then(|parts| {
        let index = parts.decode_index(&bundle.served.index).ok()?;
        parts.verify(index).ok()
    });
    if let Some(bundle) = index {
        let found = Digest::of(bundle.index_bytes());
        assert_eq!(found, bundle.release().index.digest);
    }
}

/// A tar whose frames have the digests that they should: only the one that the index describes is
/// the payload.
pub fn tar(bytes: &[u8]) {
    let tar = bytes.to_vec();
    let honest = honest_tar();
    let size = honest.len() as u64;
    let forge = Forge::default().tar(move |found| *found = tar);
    let bundle = forge.release(move |release| release.tar = size).build();
    if let Ok(verified) = bundle.verify(&limits()) {
        let mut payload = Cursor::new(&bundle.served.payload);
        let is_honest = verified.verify_payload(&mut payload).is_ok();
        assert_eq!(is_honest, bytes == honest);
    }
}

/// Returns the tar of the bundle that everything here is made of.
pub fn honest_tar() -> Vec<u8> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let forge = Forge::default().tar(move |tar| {
        // It is received below.
        let _ = sender.send(tar.clone());
    });
    forge.build();
    receiver.recv().expect("the tar of an honest bundle")
}

/// A delta: the first four bytes are the length of its documents, then come these, not compressed,
/// and the pieces as they are.
pub fn delta(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (documents, pieces) = rest.split_at(length.min(rest.len()));
    let world = World::get();
    if let Some(delta) = forge_delta(&world.have, documents, pieces) {
        world.read(delta);
    }
    world.read(bytes.to_vec());
}

/// Two bundles of a project, and what leads from one to the other.
pub struct World {
    from: ForgedBundle,
    have: VerifiedParts,
    want: Digest,
    delta: Vec<u8>,
}

impl World {
    /// Returns the only one.
    pub fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::new)
    }

    fn new() -> Self {
        let [from, to] = ["one", "two"].map(|word| {
            let content = format!("{word}\n").repeat(40);
            Forge::new(vec![
                ForgedEntry::file("a.txt", b"one line\n"),
                ForgedEntry::file("b.txt", content.as_bytes()),
            ])
            .build()
        });
        let (have, want) = (parts(&from), parts(&to));
        let (have, want) = have.zip(want).expect("honest bundles");
        let plan = DeltaPlan::new(&have, &want);
        let mut writer = DeltaWriter::new(&have, &want);
        for piece in plan.pieces() {
            let old = blob_of(&from, piece.part());
            let span = piece.from_span();
            let old = &old[position(span.start)..position(span.end)];
            let new = piece.frame().span();
            let new = &blob_of(&to, piece.part())[position(new.start)..position(new.end)];
            writer
                .push(piece, old, new)
                .expect("a piece of honest bundles");
        }
        let delta = writer.finish().expect("a delta of honest bundles");
        Self {
            from,
            have,
            want: to.hash,
            delta,
        }
    }

    /// Returns an honest delta, its documents not compressed.
    pub fn seed(&self) -> Vec<u8> {
        let (documents, pieces) = take_apart(&self.have, &self.delta).expect("an honest delta");
        let length = u32::try_from(documents.len()).expect("short documents");
        [&length.to_le_bytes()[..], &documents, pieces].concat()
    }

    /// Reads a delta as an installer does. Whatever leads to the wanted bundle is that bundle.
    fn read(&self, delta: Vec<u8>) {
        let read = DeltaDocuments::read(Bytes::from(delta), &self.have, self.want, &limits());
        let Ok(documents) = read else {
            return;
        };
        let Ok(delta) = documents.verify(&self.have, None) else {
            return;
        };
        assert_eq!(Digest::of(delta.parts.manifest_bytes()), self.want);
        for received in &delta.pieces {
            let piece = received.piece();
            let span = piece.from_span();
            let old = &blob_of(&self.from, piece.part())[position(span.start)..position(span.end)];
            let dictionary = piece.dictionary(&self.have, old);
            let dictionary = dictionary.expect("frames that are there");
            if let Ok(content) = received.decode(&dictionary) {
                assert_eq!(Digest::of(&content), piece.frame().record.digest);
            }
        }
    }
}

fn blob_of(bundle: &ForgedBundle, part: Part) -> &[u8] {
    match part {
        Part::Index => &bundle.served.index,
        _ => &bundle.served.payload,
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("a place in memory")
}

/// A file with a bundle in it: nothing is believed of it that would not be of a registry.
pub fn bundle_file(bytes: &[u8]) {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    if let Ok(file) = read_bundle_file(file, &limits()) {
        let _ = file.verify_payload();
        let bundle = file.bundle();
        assert_eq!(Digest::of(bundle.manifest_bytes()), bundle.hash());
    }
}

/// Returns manifest, release document and frame table where they can be believed.
pub fn parts(bundle: &ForgedBundle) -> Option<VerifiedParts> {
    let unverified = UnverifiedBundle {
        hash: bundle.hash,
        manifest: bundle.served.manifest.clone(),
    };
    let manifest = unverified.verify_manifest(&limits()).ok()?;
    let served = &bundle.served;
    let parts = manifest.verify_parts(served.release.clone(), served.frames.clone());
    parts.ok()
}

/// Small enough that what goes beyond them is seen in the memory of the fuzzer.
fn limits() -> Limits {
    const MIB: u64 = 1024 * 1024;
    Limits {
        index_size: 8 * MIB,
        frame_table_size: 8 * MIB,
        log_size: 8 * MIB,
        delta_size: 8 * MIB,
        ..Limits::default()
    }
}
