//! A bundle with all its bytes, and the ways between two of them.

use std::collections::{BTreeMap, HashMap};

use bulla_bundle::{
    Delta, DeltaDocuments, DeltaError, DeltaPlan, DeltaWriter, Frame, Limits, MemoryTree,
    NoProgress, Part, UnverifiedBundle, VerifiedParts,
};
use bulla_schemas::release::Source;
use bulla_schemas::{Codec, Digest};

use crate::support::{blob, options, seed};

pub(super) struct Release {
    pub(super) parts: VerifiedParts,
    pub(super) index: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Release {
    /// Returns how many bytes its payload, index and frame table have.
    pub(super) fn size(&self) -> u64 {
        let layers = self.parts.manifest().layers.iter();
        layers.map(|layer| layer.size).sum()
    }

    /// Packs some files as the `number`-th revision.
    pub(super) fn of(files: &BTreeMap<String, Vec<u8>>, number: u32) -> Self {
        let tree = files
            .iter()
            .fold(MemoryTree::default(), |tree, (path, content)| {
                tree.file(path, content.clone()).unwrap()
            });
        let id =
            |what: &str| Digest::of(format!("{what} {number}").as_bytes()).hex()[..40].to_owned();
        let seed = bulla_bundle::ReleaseSeed {
            source: Source::Git {
                revision: id("revision"),
                tree: id("tree"),
                committed: "2026-11-22T22:40:00Z".parse().unwrap(),
            },
            codec: Codec::current(5).unwrap(),
            ..seed()
        };
        let bundle = bulla_bundle::write(&tree, seed, &options(2), &NoProgress).unwrap();
        let unverified = UnverifiedBundle {
            hash: bundle.hash(),
            manifest: bundle.manifest_bytes().to_vec(),
        };
        let manifest = unverified.verify_manifest(&Limits::default()).unwrap();
        Self {
            parts: manifest
                .verify_parts(blob(&bundle, 0), blob(&bundle, 3))
                .unwrap(),
            index: blob(&bundle, 2),
            payload: blob(&bundle, 1),
        }
    }

    pub(super) fn try_delta_to(&self, want: &Self) -> Result<Vec<u8>, DeltaError> {
        let mut writer = DeltaWriter::new(&self.parts, &want.parts);
        for piece in DeltaPlan::new(&self.parts, &want.parts).pieces() {
            let from = bytes(self.blob(piece.part()), piece.from_span());
            let frame = bytes(want.blob(piece.part()), piece.frame().span());
            writer.push(piece, from, frame)?;
        }
        writer.finish()
    }

    pub(super) fn delta_to(&self, want: &Self) -> Vec<u8> {
        self.try_delta_to(want).unwrap()
    }

    /// Reads a delta as far as its pieces go.
    pub(super) fn read(&self, want: Digest, delta: &[u8]) -> Result<Delta, DeltaError> {
        let delta = delta.to_vec().into();
        let documents = DeltaDocuments::read(delta, &self.parts, want, &Limits::default())?;
        documents.verify(&self.parts, None)
    }

    /// Reads a delta and checks that with it and this bundle there is all of the other.
    pub(super) fn assert_leads_to(&self, want: &Self, delta: &[u8]) {
        let delta = self.read(want.parts.hash(), delta).unwrap();
        assert_eq!(delta.parts.frames_blob(), want.parts.frames_blob());
        assert_eq!(delta.parts.release(), want.parts.release());
        assert!(want.payload.ends_with(&delta.parts.seek_table()));
        let mut came: HashMap<(bool, usize), Vec<u8>> = HashMap::new();
        for received in &delta.pieces {
            let piece = received.piece();
            let dictionary = self.contents(piece.part(), piece.from()).concat();
            let run = bytes(self.blob(piece.part()), piece.from_span());
            assert_eq!(piece.dictionary(&self.parts, run).unwrap(), dictionary);
            let frame = received.frame(&dictionary, &delta.parts.release().codec);
            let expected = bytes(want.blob(piece.part()), piece.frame().span());
            assert_eq!(frame.unwrap(), expected);
            let key = (piece.part() == Part::Index, piece.position());
            came.insert(key, received.decode(&dictionary).unwrap());
        }
        for part in [Part::Index, Part::Payload] {
            let known = self.frames(part);
            for (position, frame) in want.frames(part).iter().enumerate() {
                let expected = want.contents(part, position..position + 1).concat();
                if let Some(content) = came.get(&(part == Part::Index, position)) {
                    assert_eq!(content, &expected);
                } else {
                    let digest = frame.record.digest;
                    assert!(known.iter().any(|known| known.record.digest == digest));
                }
            }
        }
    }

    /// What the documents of a delta from this bundle have as their dictionary.
    pub(super) fn documents(&self) -> Vec<u8> {
        let table = zstd::decode_all(self.parts.frames_blob()).unwrap();
        [
            self.parts.manifest_bytes(),
            self.parts.release_bytes(),
            &table,
        ]
        .concat()
    }

    pub(super) fn contents(&self, part: Part, frames: std::ops::Range<usize>) -> Vec<Vec<u8>> {
        let frames = &self.frames(part)[frames];
        let content = |frame: &Frame| zstd::decode_all(bytes(self.blob(part), frame.span()));
        frames.iter().map(|frame| content(frame).unwrap()).collect()
    }

    fn frames(&self, part: Part) -> &[Frame] {
        match part {
            Part::Index => self.parts.index_frames(),
            _ => self.parts.payload_frames(),
        }
    }

    fn blob(&self, part: Part) -> &[u8] {
        match part {
            Part::Index => &self.index,
            _ => &self.payload,
        }
    }
}

fn bytes(blob: &[u8], span: std::ops::Range<u64>) -> &[u8] {
    &blob[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()]
}
