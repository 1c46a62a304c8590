//! `SentDelta`: a delta that a client sent, from a bundle that the repository has to a new one, and
//! the blobs of that.
//!
//! Every frame is compressed again with the codec of the new bundle and must be what its frame table
//! says, so what is stored is what a push of the blobs would have stored.

use std::collections::HashMap;

use bulla_bundle::{Delta, DeltaDocuments, Frame, Limits, Part, ReceivedPiece, VerifiedParts};
use bulla_schemas::api::BlobFrame;
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::{Codec, Digest, ProjectName};
use bytes::Bytes;

use super::limits::{MOST_COMPRESSED, MOST_STORED, within};
use super::stored::Stored;
use crate::publish::admit::AdmitError;
use crate::publish::{Catalog, PublishError};
use crate::store::blobs::BlobStore;

/// A delta whose documents are checked.
pub(crate) struct SentDelta {
    have: Stored,
    parts: VerifiedParts,
    index: HashMap<usize, ReceivedPiece>,
    payload: HashMap<usize, ReceivedPiece>,
}

impl Catalog {
    /// Reads a delta that a token sent, from an admitted bundle to one of the same project.
    pub(crate) async fn open_delta(
        &self,
        token: &str,
        project: &ProjectName,
        have: Digest,
        want: Digest,
        delta: Bytes,
    ) -> Result<Box<SentDelta>, PublishError> {
        let (blobs, project) = (self.blobs.clone(), project.clone());
        self.reading(token, move || {
            SentDelta::open(&blobs, &project, have, want, delta).map(Box::new)
        })
        .await
    }

    /// Makes some frames of a part of the new bundle.
    pub(crate) async fn frames_of_delta(
        &self,
        token: &str,
        mut sent: Box<SentDelta>,
        part: Part,
        positions: Vec<usize>,
    ) -> Result<(Box<SentDelta>, Vec<Bytes>), PublishError> {
        let blobs = self.blobs.clone();
        self.reading(token, move || {
            let frames = positions.into_iter().map(|at| sent.frame(&blobs, part, at));
            let frames = frames.collect::<Result<_, _>>()?;
            Ok((sent, frames))
        })
        .await
    }
}

impl SentDelta {
    /// The parts that become blobs.
    pub(crate) const PARTS: [Part; 4] = [Part::Release, Part::Payload, Part::Index, Part::Frames];

    fn open(
        blobs: &BlobStore,
        project: &ProjectName,
        have: Digest,
        want: Digest,
        delta: Bytes,
    ) -> Result<Self, PublishError> {
        let have = Stored::open(blobs, have)?;
        let documents = DeltaDocuments::read(delta, &have.parts, want, &Limits::default())?;
        let Delta { parts, pieces } = documents.verify(&have.parts, None)?;
        let release = parts.release();
        if release.project != *project {
            return Err(PublishError::NotAdmitted(AdmitError::Project {
                repository: project.clone(),
                project: release.project.clone(),
            }));
        }
        let again = pieces.iter().map(ReceivedPiece::piece);
        let again = again.filter(|piece| !piece.from().is_empty());
        let sizes = again.map(|piece| piece.frame().record.size);
        within(
            sizes.sum::<u64>().saturating_mul(effort(&release.codec)),
            MOST_COMPRESSED,
        )?;
        let of = |part| {
            let pieces = pieces.iter().filter(move |one| one.piece().part() == part);
            pieces
                .map(|one| (one.piece().position(), one.clone()))
                .collect()
        };
        Ok(Self {
            index: of(Part::Index),
            payload: of(Part::Payload),
            have,
            parts,
        })
    }

    /// Returns what the manifest says of a part.
    pub(crate) fn descriptor(&self, part: Part) -> &Descriptor {
        let manifest = self.parts.manifest();
        match part {
            Part::Payload => manifest.payload(),
            Part::Index => manifest.index(),
            Part::Frames => manifest.frames(),
            Part::Release | Part::Manifest => &manifest.config,
        }
    }

    /// Returns the frames of a part, and the seek table behind those of the payload. The other
    /// parts are one.
    pub(crate) fn frames(&self, part: Part) -> Vec<BlobFrame> {
        let frame = |digest, size| BlobFrame { digest, size };
        let behind = match part {
            Part::Payload => {
                let table = self.parts.seek_table();
                Some(frame(Digest::of(&table), table.len() as u64))
            }
            Part::Index => None,
            _ => {
                let whole = self.descriptor(part);
                Some(frame(whole.digest, whole.size))
            }
        };
        let frames = self.parts.frames(part).iter().map(|one| &one.record);
        let frames = frames.map(|one| frame(one.compressed_digest, one.compressed_size));
        frames.chain(behind).collect()
    }

    /// Refuses to hold so many bytes of frames in memory.
    pub(crate) fn check_size(&self, part: Part, positions: &[usize]) -> Result<(), PublishError> {
        let frames = self.frames(part);
        let sizes = positions.iter().filter_map(|at| frames.get(*at));
        within(sizes.map(|frame| frame.size).sum(), MOST_STORED)
    }

    /// Returns the bytes of one of the frames, of which only the pieces are checked.
    fn frame(
        &mut self,
        blobs: &BlobStore,
        part: Part,
        position: usize,
    ) -> Result<Bytes, PublishError> {
        let pieces = match part {
            Part::Payload => &self.payload,
            Part::Index => &self.index,
            Part::Frames => return Ok(Bytes::copy_from_slice(self.parts.frames_blob())),
            Part::Release | Part::Manifest => {
                return Ok(Bytes::copy_from_slice(self.parts.release_bytes()));
            }
        };
        let Some(frame) = self.parts.frames(part).get(position) else {
            return Ok(self.parts.seek_table().into());
        };
        if let Some(received) = pieces.get(&position) {
            let run = self.have.frames.read(part, &received.piece().from_span());
            let run = run.map_err(|error| self.have.damaged(blobs, part, error))?;
            let dictionary = received.piece().dictionary(&self.have.parts, &run);
            let dictionary = dictionary.map_err(|error| self.have.damaged(blobs, part, error))?;
            return Ok(received.frame(&dictionary, &self.parts.release().codec)?);
        }
        let digest = frame.record.compressed_digest;
        let known = self
            .have
            .parts
            .frames(part)
            .iter()
            .find(|known| known.record.compressed_digest == digest);
        let span = known.map(Frame::span);
        let span = span.ok_or_else(|| PublishError::FrameUnknown {
            digest: digest.to_string(),
        })?;
        let read = self.have.frames.read(part, &span);
        Ok(read
            .map_err(|error| self.have.damaged(blobs, part, error))?
            .into())
    }
}

/// How many times longer than the levels that recipes have it takes to compress.
const fn effort(codec: &Codec) -> u64 {
    match codec.level() {
        0..=9 => 1,
        10..=15 => 8,
        _ => 24,
    }
}
