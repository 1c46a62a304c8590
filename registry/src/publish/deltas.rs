//! Deltas: the ways from one bundle of a repository to another.
//!
//! ```text
//! have, want -> frame tables -> plan -> frames of both, by ranges -> delta -> kept
//!                                 └ too much: refused, and clients take ranges
//! ```

mod limits;
mod sent;
mod stored;

use std::error::Error;

use bulla_bundle::{DeltaPiece, DeltaPlan, DeltaWriter};
use bulla_schemas::{Digest, ProjectName, media_type};
use bytes::Bytes;

pub(crate) use self::limits::MOST_SIZE;
use self::limits::{MOST_WORK, within};
pub(crate) use self::sent::SentDelta;
use self::stored::{Frames, Stored};
use super::bundles::damaged;
use super::{Catalog, PublishError};
use crate::store::blobs::BlobStore;

impl Catalog {
    /// Tells whether a repository has a bundle.
    pub(crate) async fn has_bundle(
        &self,
        project: &ProjectName,
        hash: Digest,
    ) -> Result<bool, PublishError> {
        let row = self.database.manifest(project, &hash.into()).await?;
        Ok(row.is_some_and(|row| row.artifact_type.as_deref() == Some(media_type::BUNDLE)))
    }

    /// Returns the delta that turns one admitted bundle into another, of the same project. Where it
    /// has to be made, it is when it is the token's turn, and once for all who ask meanwhile.
    pub(crate) async fn delta(
        &self,
        token: &str,
        have: Digest,
        want: Digest,
    ) -> Result<Bytes, PublishError> {
        let blobs = self.blobs.clone();
        let make = self.reading(token, move || make(&blobs, have, want));
        self.deltas.get(have, want, make).await
    }

    /// Returns how many deltas were made, and about how many bytes of them are kept.
    pub(crate) fn kept_deltas(&self) -> (u64, u64) {
        self.deltas.counts()
    }
}

/// Makes a delta of what is stored.
fn make(blobs: &BlobStore, have: Digest, want: Digest) -> Result<Bytes, PublishError> {
    let (mut from, mut to) = (Stored::open(blobs, have)?, Stored::open(blobs, want)?);
    let plan = DeltaPlan::new(&from.parts, &to.parts);
    within(plan.work(), MOST_WORK)?;
    let mut writer = DeltaWriter::new(&from.parts, &to.parts);
    for piece in plan.pieces() {
        let added = add(&mut writer, piece, &mut from.frames, &mut to.frames);
        added.map_err(|error| {
            let suspects = [(have, &from.frames), (want, &to.frames)];
            let suspect = suspects
                .into_iter()
                .find(|(_, frames)| !frames.are_whole(blobs, piece.part()));
            damaged(suspect.map_or(want, |(hash, _)| hash), error)
        })?;
        within(writer.size(), MOST_SIZE)?;
    }
    let delta = writer.finish().map_err(|error| damaged(want, error))?;
    within(delta.len() as u64, MOST_SIZE)?;
    Ok(delta.into())
}

fn add(
    writer: &mut DeltaWriter<'_>,
    piece: &DeltaPiece,
    from: &mut Frames,
    to: &mut Frames,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let dictionary = from.read(piece.part(), &piece.from_span())?;
    let frame = to.read(piece.part(), &piece.frame().span())?;
    Ok(writer.push(piece, &dictionary, &frame)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::num::NonZeroUsize;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use bulla_bundle::{
        Bundle, DeltaDocuments, Limits, MemoryTree, NoProgress, ReleaseSeed, UnverifiedBundle,
        WriteOptions,
    };
    use bulla_schemas::Codec;
    use bulla_schemas::release::Source;

    use super::*;
    use crate::blocking::blocking;
    use crate::frames::Places;
    use crate::objects::Objects;
    use crate::oci::digest::OciDigest;
    use crate::publish::kept_deltas::KeptDeltas;
    use crate::settings::UploadLimits;
    use crate::store::space::Disk;
    use crate::store::uploads::Uploads;

    /// The bundle of a tree of 2 MB with a line of its own.
    fn bundle(line: &str) -> Bundle {
        let mut state = 1_u64;
        let mut noise = |length: usize| -> Vec<u8> {
            let next = |state: &mut u64| {
                *state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_le_bytes()[6] & 0x3f
            };
            (0..length).map(|_| next(&mut state)).collect()
        };
        let mut tree = MemoryTree::default();
        for number in 0..100 {
            let mut content = noise(20_000);
            if number == 50 {
                content.splice(9_000..9_100, line.bytes());
            }
            tree = tree.file(&format!("src/{number:03}.txt"), content).unwrap();
        }
        let seed = ReleaseSeed {
            project: "acme/billing".parse().unwrap(),
            source: Source::Git {
                revision: "7fd1".repeat(10),
                tree: "a1b2".repeat(10),
                committed: "2026-11-22T22:40:00Z".parse().unwrap(),
            },
            recipe: Digest::of(b"recipe"),
            codec: Codec::current(5).unwrap(),
            install: bulla_schemas::install::Install::default(),
            platforms: Vec::new(),
        };
        let options = WriteOptions {
            threads: NonZeroUsize::MIN,
            spool: std::env::temp_dir(),
            limits: Limits::default(),
        };
        bulla_bundle::write(&tree, seed, &options, &NoProgress).unwrap()
    }

    fn blob(bundle: &Bundle, position: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let blob = &bundle.blobs()[position];
        blob.open().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Stores a bundle as pushes of its blobs do: as frames where that is worth it.
    async fn push(blobs: &BlobStore, uploads: &Arc<Uploads>, bundle: &Bundle) -> usize {
        let project = "acme/billing".parse().unwrap();
        let mut cut = 0;
        for position in 0..4 {
            let content = blob(bundle, position);
            let digest = OciDigest::from(Digest::of(&content));
            let id = uploads.begin("", &project).await.unwrap();
            let upload = uploads.hold(&project, &id).await.unwrap();
            let mut upload = uploads.append(upload, vec![content.into()]).await.unwrap();
            let frames = upload.frames();
            if frames.is_empty() {
                blobs.adopt(&mut upload, &digest).unwrap();
            } else {
                let pack = blobs.pack(&mut upload, &digest, &frames, Places::new());
                pack.unwrap().unwrap();
                cut += 1;
            }
        }
        blobs
            .put(&bundle.hash().into(), bundle.manifest_bytes())
            .unwrap();
        cut
    }

    #[tokio::test]
    async fn many_who_ask_for_one_delta_have_it_made_once() {
        for in_memory in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let objects = if in_memory {
                Objects::in_memory()
            } else {
                Objects::new(folder.path().to_owned())
            };
            let disk = Disk::new(folder.path().to_owned());
            let blobs = BlobStore::new(objects, disk.clone());
            let limits = UploadLimits::default();
            let uploads = Uploads::open(folder.path().join("uploads"), disk, limits).unwrap();
            let uploads = Arc::new(uploads);
            let (first, second) = (bundle("one line\n"), bundle("another line\n"));
            for bundle in [&first, &second] {
                assert!(
                    push(&blobs, &uploads, bundle).await > 0,
                    "frames are stored"
                );
            }

            let (have, want) = (first.hash(), second.hash());
            let deltas = KeptDeltas::new();
            let ask = || {
                let blobs = blobs.clone();
                deltas.get(have, want, blocking(move || make(&blobs, have, want)))
            };
            let (one, two, three) = tokio::join!(ask(), ask(), ask());
            let [one, two, three, four] = [one, two, three, ask().await].map(Result::unwrap);
            assert!([&two, &three, &four].iter().all(|delta| **delta == one));
            assert_eq!(deltas.made.load(Ordering::Relaxed), 1);

            assert!(one.len() < 2_000, "{}", one.len());
            let unverified = UnverifiedBundle {
                hash: have,
                manifest: first.manifest_bytes().to_vec(),
            };
            let manifest = unverified.verify_manifest(&Limits::default()).unwrap();
            let parts = manifest
                .verify_parts(blob(&first, 0), blob(&first, 3))
                .unwrap();
            let documents = DeltaDocuments::read(one, &parts, want, &Limits::default()).unwrap();
            assert!(documents.verify(&parts, None).unwrap().pieces.len() >= 2);
        }
    }

    #[tokio::test]
    async fn what_failed_for_all_who_waited_is_tried_again() {
        let deltas = KeptDeltas::new();
        let [have, want] = [&b"have"[..], b"want"].map(Digest::of);
        let fail = async || within(2, 1).map(|()| Bytes::new());
        let (one, two) = tokio::join!(
            deltas.get(have, want, fail()),
            deltas.get(have, want, fail())
        );
        for failed in [one, two] {
            let error = failed.unwrap_err();
            assert!(
                matches!(error.itself(), PublishError::DeltaTooLarge { .. }),
                "{error}"
            );
        }
        let delta = deltas.get(have, want, async { Ok(Bytes::from_static(b"a delta")) });
        assert_eq!(delta.await.unwrap(), "a delta");
    }
}
