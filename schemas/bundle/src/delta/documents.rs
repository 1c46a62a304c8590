//! The first frame of a delta: its header and the documents of the wanted bundle.

use bulla_schemas::Digest;
use bulla_schemas::delta::{DeltaHeader, PieceLine};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;
use bytes::Bytes;

use super::error::DeltaError;
use super::piece::{DeltaPiece, ReceivedPiece};
use super::prefix;
use crate::frame::{self, Frame, FrameError};
use crate::limits::Limits;
use crate::verify::{
    Part, UnverifiedBundle, VerifiedManifest, VerifiedParts, VerifyError, check_blob,
};

/// The documents of a delta whose manifest has the wanted hash.
#[derive(Debug)]
pub struct DeltaDocuments {
    manifest: VerifiedManifest,
    release: Vec<u8>,
    /// The blob of the frame table, where compressing its text again gives what the manifest names.
    frames_blob: Option<Vec<u8>>,
    index: Vec<PieceLine>,
    payload: Vec<PieceLine>,
    /// All that stands behind the documents.
    pieces: Bytes,
}

/// What a delta leads to.
#[derive(Debug)]
pub struct Delta {
    /// Manifest, release document and frame table of the wanted bundle, checked as always.
    pub parts: VerifiedParts,
    /// Frames of its index and its payload, in this order, each by position.
    pub pieces: Vec<ReceivedPiece>,
}

impl DeltaDocuments {
    /// Reads the documents of a delta from `have` to the bundle with the hash `want`.
    pub fn read(
        delta: Bytes,
        have: &VerifiedParts,
        want: Digest,
        limits: &Limits,
    ) -> Result<Self, DeltaError> {
        limits.check_delta_size(delta.len() as u64)?;
        let mut pieces = delta;
        let documents = pieces.split_to(frame::end(&pieces));
        let documents = decompress(&documents, have, limits).map_err(DeltaError::Documents)?;
        let (header, [manifest, release, table]) = split(&documents)?;
        let unverified = UnverifiedBundle {
            hash: want,
            manifest: manifest.to_vec(),
        };
        let manifest = unverified.verify_manifest(limits)?;
        check_blob(Part::Release, &manifest.manifest().config, release)?;
        let document = ReleaseDocument::from_bytes(release).map_err(VerifyError::from)?;
        let blob = frame::compress(table, document.codec.level()).map_err(DeltaError::Compress)?;
        let is_named = check_blob(Part::Frames, manifest.manifest().frames(), &blob).is_ok();
        Ok(Self {
            frames_blob: is_named.then_some(blob),
            release: release.to_vec(),
            manifest,
            index: header.index,
            payload: header.payload,
            pieces,
        })
    }

    /// Returns the manifest.
    pub const fn manifest(&self) -> &Manifest {
        self.manifest.manifest()
    }

    /// Tells whether the blob of the frame table has to be fetched: another libzstd made it than
    /// this one.
    pub const fn lacks_frame_table(&self) -> bool {
        self.frames_blob.is_none()
    }

    /// Checks the documents, with the frame table's blob where it was fetched, and where the
    /// pieces belong. `have` is the same as before.
    pub fn verify(
        self,
        have: &VerifiedParts,
        fetched: Option<Vec<u8>>,
    ) -> Result<Delta, DeltaError> {
        let frames_blob = fetched.or(self.frames_blob);
        let frames_blob = frames_blob.ok_or(DeltaError::NoFrameTable)?;
        let parts = self.manifest.verify_parts(self.release, frames_blob)?;
        let mut rest = self.pieces;
        let mut pieces = Vec::with_capacity(self.index.len() + self.payload.len());
        for (part, lines) in [(Part::Index, self.index), (Part::Payload, self.payload)] {
            let (have, want) = (have.frames(part), parts.frames(part));
            let mut next = 0;
            for line in lines {
                let piece = place(part, line, next, have, want)?;
                next = line.position + 1;
                let compressed = rest.split_to(frame::end(&rest));
                if compressed.is_empty() {
                    return Err(DeltaError::Truncated);
                }
                pieces.push(ReceivedPiece { piece, compressed });
            }
        }
        if rest.is_empty() {
            Ok(Delta { parts, pieces })
        } else {
            Err(DeltaError::Trailing { found: rest.len() })
        }
    }
}

/// Returns the dictionary of the documents.
pub(super) fn dictionary(have: &VerifiedParts) -> Vec<u8> {
    let mut dictionary = have.manifest_bytes().to_vec();
    dictionary.extend_from_slice(have.release_bytes());
    dictionary.extend(have.frame_table());
    dictionary
}

/// Decompresses the documents into no more than such documents may have.
pub(super) fn decompress(
    compressed: &[u8],
    have: &VerifiedParts,
    limits: &Limits,
) -> Result<Vec<u8>, FrameError> {
    // A header says less of a frame than the frame table does.
    let largest = Manifest::MAX_LEN + ReleaseDocument::MAX_LEN + 2 * limits.frame_table_size;
    let size = frame::content_size(compressed)?;
    if size > largest {
        return Err(FrameError::ContentSize {
            expected: largest,
            found: size,
        });
    }
    prefix::decompress(compressed, &dictionary(have), size)
}

/// Takes the header off and divides what follows as it says.
fn split(documents: &[u8]) -> Result<(DeltaHeader, [&[u8]; 3]), DeltaError> {
    let end = memchr::memchr(b'\n', documents).ok_or(DeltaError::Unterminated)?;
    let (line, rest) = (&documents[..end], &documents[end + 1..]);
    let header: DeltaHeader = serde_json::from_slice(line).map_err(DeltaError::Header)?;
    if header.format != DeltaHeader::FORMAT {
        return Err(DeltaError::Format {
            found: header.format,
        });
    }
    if serde_json::to_vec(&header).ok().as_deref() != Some(line) {
        return Err(DeltaError::NotCanonical);
    }
    let [manifest, release, frames] = [header.manifest, header.release, header.frames];
    let found = rest.len() as u64;
    let behind = manifest.saturating_add(release);
    let parts = (
        frame::slice(rest, 0, manifest),
        frame::slice(rest, manifest, release),
        frame::slice(rest, behind, frames),
    );
    match parts {
        (Some(manifest), Some(release), Some(table))
            if behind.checked_add(frames) == Some(found) =>
        {
            Ok((header, [manifest, release, table]))
        }
        _ => Err(DeltaError::Lengths {
            expected: behind.saturating_add(frames),
            found,
        }),
    }
}

/// Finds the frame of a piece and those of its dictionary.
fn place(
    part: Part,
    line: PieceLine,
    next: u64,
    have: &[Frame],
    want: &[Frame],
) -> Result<DeltaPiece, DeltaError> {
    let position = line.position;
    if position < next {
        return Err(DeltaError::Order { part, position });
    }
    let at = usize::try_from(position).unwrap_or(usize::MAX);
    let frame = *want.get(at).ok_or(DeltaError::NoSuchFrame {
        part,
        position,
        frames: want.len(),
    })?;
    let from = match line.from {
        None => 0..0,
        Some([first, end]) => {
            let run = usize::try_from(first).ok().zip(usize::try_from(end).ok());
            let run = run.filter(|(first, end)| first < end && *end <= have.len());
            let (first, end) = run.ok_or(DeltaError::NoSuchDictionary {
                part,
                position,
                first,
                end,
                frames: have.len(),
            })?;
            first..end
        }
    };
    let piece = DeltaPiece::new(part, at, frame, from, have);
    if piece.dictionary_size > DeltaPiece::DICTIONARY {
        return Err(DeltaError::DictionarySize {
            expected: DeltaPiece::DICTIONARY,
            found: piece.dictionary_size,
        });
    }
    Ok(piece)
}
