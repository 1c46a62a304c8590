//! Deltas, as a registry makes them of what it serves.

use bulla_bundle::{DeltaPlan, DeltaWriter, Limits, Part, UnverifiedBundle, VerifiedParts};
use bulla_schemas::Digest;

use super::World;

impl World {
    /// Where a delta is asked for.
    pub(crate) fn delta_path(&self) -> String {
        format!("/v2/{}/_bulla/delta", self.project)
    }

    /// Answers with these bytes whatever delta is asked for.
    pub(crate) fn serve_delta(&self, delta: Vec<u8>) {
        let path = self.delta_path();
        self.registry
            .change(|served| served.files.insert(path, delta));
    }

    /// Makes the delta from one release to another.
    pub(crate) fn delta(&self, have: &Digest, want: &Digest) -> Vec<u8> {
        let (have_parts, want_parts) = (self.parts(have), self.parts(want));
        let mut writer = DeltaWriter::new(&have_parts, &want_parts);
        for piece in DeltaPlan::new(&have_parts, &want_parts).pieces() {
            let place = usize::from(piece.part() == Part::Index);
            let from = self.served(&self.layer_path(have, place));
            let frame = self.served(&self.layer_path(want, place));
            let (from_span, span) = (piece.from_span(), piece.frame().span());
            writer
                .push(piece, slice(&from, &from_span), slice(&frame, &span))
                .unwrap();
        }
        writer.finish().unwrap()
    }

    fn parts(&self, hash: &Digest) -> VerifiedParts {
        let manifest = self.served(&format!("/v2/{}/manifests/{hash}", self.project));
        let unverified = UnverifiedBundle {
            hash: *hash,
            manifest,
        };
        let verified = unverified.verify_manifest(&Limits::default()).unwrap();
        let release = self.served(&self.blob_path(&verified.manifest().config.digest));
        let frames = self.served(&self.layer_path(hash, 2));
        verified.verify_parts(release, frames).unwrap()
    }

    fn served(&self, path: &str) -> Vec<u8> {
        self.registry.change(|served| served.files[path].clone())
    }
}

fn slice<'a>(blob: &'a [u8], span: &std::ops::Range<u64>) -> &'a [u8] {
    &blob[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()]
}
