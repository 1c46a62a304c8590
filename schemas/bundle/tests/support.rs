//! What the tests of this crate share: a seed, options, and the way from a bundle to its reader.

use std::io::Read;
use std::num::NonZeroUsize;

use bulla_bundle::{
    BlobSource, Bundle, Limits, NoProgress, ReleaseSeed, SourceTree, UnverifiedBundle,
    VerifiedBundle, VerifyError, WriteError, WriteOptions,
};
use bulla_schemas::install::Install;
use bulla_schemas::release::Source;
use bulla_schemas::{Codec, Digest};

pub(crate) fn seed() -> ReleaseSeed {
    ReleaseSeed {
        project: "acme/billing".parse().unwrap(),
        source: Source::Git {
            revision: "7fd1".repeat(10),
            tree: "a1b2".repeat(10),
            committed: "2026-11-22T22:40:00Z".parse().unwrap(),
        },
        recipe: Digest::of(b"recipe"),
        codec: Codec::current(7).unwrap(),
        install: Install::default(),
        platforms: Vec::new(),
    }
}

pub(crate) fn options(threads: usize) -> WriteOptions {
    WriteOptions {
        threads: NonZeroUsize::new(threads).unwrap(),
        spool: std::env::temp_dir(),
        limits: Limits::default(),
    }
}

pub(crate) fn write(tree: &dyn SourceTree) -> Result<Bundle, WriteError> {
    bulla_bundle::write(tree, seed(), &options(2), &NoProgress)
}

pub(crate) fn blob(bundle: &Bundle, position: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let blob = &bundle.blobs()[position];
    blob.open().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(Digest::of(&bytes), blob.descriptor().digest);
    assert_eq!(bytes.len() as u64, blob.descriptor().size);
    bytes
}

pub(crate) fn verify(bundle: &Bundle, limits: &Limits) -> Result<VerifiedBundle, VerifyError> {
    let unverified = UnverifiedBundle {
        hash: bundle.hash(),
        manifest: bundle.manifest_bytes().to_vec(),
    };
    let manifest = unverified.verify_manifest(limits)?;
    let parts = manifest.verify_parts(blob(bundle, 0), blob(bundle, 3))?;
    let index = parts.decode_index(&blob(bundle, 2))?;
    let verified = parts.verify(index)?;
    let payload = bundle.manifest().payload();
    verified.verify_payload(&mut bundle.open(payload).unwrap())?;
    Ok(verified)
}

/// The whole tar, from the frames of the payload.
pub(crate) fn tar(verified: &VerifiedBundle, payload: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (position, frame) in verified.payload_frames().iter().enumerate() {
        let start = usize::try_from(frame.compressed_offset).unwrap();
        let end = start + usize::try_from(frame.record.compressed_size).unwrap();
        let content = verified
            .decode_frame(position, &payload[start..end])
            .unwrap();
        verified.check_framing(position, &content).unwrap();
        tar.extend(content);
    }
    tar
}
