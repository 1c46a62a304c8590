//! Sends what is new of a bundle as a delta from one that the registry has: what was packed last, or
//! released last.
//!
//! Its dictionaries are frames of that bundle, which packs leave in the cache. Where one is gone, its
//! piece is a frame as it would be pushed otherwise. Nothing here has to work: what is not sent by a
//! delta is sent as frames and blobs.

use std::io::{self, Read};

use bulla_bundle::{
    DeltaError, DeltaPiece, DeltaPlan, DeltaWriter, Frame, FrameCache, Limits, Part,
    UnverifiedBundle, VerifiedParts, VerifyError,
};
use bulla_registry_client::{Client, ClientError};
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::{Digest, ProjectName};
use bytes::Bytes;

use super::parts::Parts;

/// Most bytes of contents that are new: beyond that, sending takes longer than one request should.
const MOST_NEW: u64 = 32 << 20;
/// Most bytes of a delta: it is sent at once, and from its beginning where the connection breaks.
const MOST_SIZE: usize = 4 << 20;

/// What the registry may have of a project, and what there is of it here.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Bundles that the registry may have, the likeliest to be similar first.
    pub bundles: &'a [Digest],
    /// Frames of earlier packs with the same codec.
    pub frames: &'a dyn FrameCache,
}

/// Why there is no delta.
#[derive(Debug, thiserror::Error)]
enum NoDelta {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Delta(#[from] DeltaError),
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// Sends a delta to the bundle and returns its size; `None` where that was not possible.
pub(super) async fn send(client: &Client, parts: &Parts<'_>, known: Known<'_>) -> Option<u64> {
    let have = newest(client, parts.project, known.bundles).await?;
    let delta = make(&have, parts, known.frames).ok()??;
    let size = delta.len() as u64;
    let sent = client.push_delta(parts.project, have.hash(), parts.hash, delta);
    sent.await.ok()?.then_some(size)
}

/// Fetches the documents of the first of some bundles that the registry has.
async fn newest(
    client: &Client,
    project: &ProjectName,
    bundles: &[Digest],
) -> Option<VerifiedParts> {
    for hash in bundles {
        match documents(client, project, *hash).await {
            Ok(parts) => return Some(parts),
            Err(NoDelta::Client(error)) if error.is_not_found() => {}
            Err(_) => return None,
        }
    }
    None
}

async fn documents(
    client: &Client,
    project: &ProjectName,
    hash: Digest,
) -> Result<VerifiedParts, NoDelta> {
    let manifest = client.manifest(project, &hash).await?;
    let manifest = UnverifiedBundle { hash, manifest }.verify_manifest(&Limits::default())?;
    let release = client.blob(project, &manifest.manifest().config).await?;
    let frames = client.blob(project, manifest.manifest().frames()).await?;
    Ok(manifest.verify_parts(release, frames)?)
}

/// Makes the delta; `None` where too much is new.
fn make(
    have: &VerifiedParts,
    parts: &Parts<'_>,
    cache: &dyn FrameCache,
) -> Result<Option<Bytes>, NoDelta> {
    let want = read_documents(parts)?;
    let plan = DeltaPlan::new(have, &want);
    let sizes = plan.pieces().iter().map(|piece| piece.frame().record.size);
    if sizes.sum::<u64>() > MOST_NEW {
        return Ok(None);
    }
    let mut writer = DeltaWriter::new(have, &want);
    let mut index = FrameReader::open(parts, want.manifest().index())?;
    let mut payload = FrameReader::open(parts, want.manifest().payload())?;
    for piece in plan.pieces() {
        let reader = match piece.part() {
            Part::Index => &mut index,
            _ => &mut payload,
        };
        let frame = reader.read(piece.frame())?;
        match dictionary(piece, have.frames(piece.part()), cache) {
            Some(frames) => writer.push(piece, &frames, &frame)?,
            None => writer.push(&piece.without_dictionary(), &[], &frame)?,
        }
        if writer.size() > MOST_SIZE as u64 {
            return Ok(None);
        }
    }
    let delta = writer.finish()?;
    Ok((delta.len() <= MOST_SIZE).then(|| delta.into()))
}

/// Returns the compressed frames of a piece's dictionary, where the cache has all of them.
fn dictionary(piece: &DeltaPiece, known: &[Frame], cache: &dyn FrameCache) -> Option<Vec<u8>> {
    let mut frames = Vec::new();
    for frame in known.get(piece.from())? {
        let cached = cache.load(frame.record.digest)?;
        if cached.digest != frame.record.compressed_digest {
            return None;
        }
        frames.extend(cached.compressed);
    }
    Some(frames)
}

fn read_documents(parts: &Parts<'_>) -> Result<VerifiedParts, NoDelta> {
    let unverified = UnverifiedBundle {
        hash: parts.hash,
        manifest: parts.manifest_bytes.to_vec(),
    };
    let manifest = unverified.verify_manifest(&Limits::default())?;
    let read = |descriptor: &Descriptor| {
        let mut bytes = Vec::new();
        parts.blobs.open(descriptor)?.read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    let release = read(&manifest.manifest().config)?;
    let frames = read(manifest.manifest().frames())?;
    Ok(manifest.verify_parts(release, frames)?)
}

/// Reads frames of a blob, in their order.
struct FrameReader {
    reader: Box<dyn Read + Send>,
    offset: u64,
}

impl FrameReader {
    fn open(parts: &Parts<'_>, blob: &Descriptor) -> io::Result<Self> {
        Ok(Self {
            reader: parts.blobs.open(blob)?,
            offset: 0,
        })
    }

    fn read(&mut self, frame: &Frame) -> io::Result<Vec<u8>> {
        let span = frame.span();
        let skip = span.start.saturating_sub(self.offset);
        io::copy(&mut (&mut self.reader).take(skip), &mut io::sink())?;
        let mut bytes = Vec::new();
        let length = span.end - span.start;
        (&mut self.reader).take(length).read_to_end(&mut bytes)?;
        self.offset = span.end;
        Ok(bytes)
    }
}
