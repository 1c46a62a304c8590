//! All content of some projects, read once, in the order in which it lies on the disk.
//!
//! ```text
//! records -> whole content ─────────────────────────────▶ hashed
//!         └▶ recipes ─▶ frames, pack by pack ───────────▶ hashed, each once
//!                    └▶ the frame table of a bundle ────▶ the right frames in the right order,
//!                       or, where there is none, ───────▶ hashed as a whole
//! ```

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bulla_bundle::{Part, Progress};
use bulla_files::FileError;
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;

use crate::frames::Place;
use crate::keep::by_pack::by_pack;
use crate::keep::documents;
use crate::keep::records::Records;
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::OciDigest;
use crate::publish::{blob_frames, open_parts};
use crate::store::blobs::BlobStore;
use crate::store::{StoredAs, Wrong};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// How many bytes were hashed.
    pub(super) checked: u64,
    /// Content that is wrong, whichever projects have it.
    pub(super) wrong: BTreeMap<OciDigest, Wrong>,
    /// What a manifest of a project names, and what is not recorded as the project's.
    pub(super) unrecorded: BTreeSet<(ProjectName, OciDigest)>,
}

struct Scanner<'a> {
    blobs: &'a BlobStore,
    progress: &'a dyn Progress,
    scan: Scan,
    whole: Vec<OciDigest>,
    recipes: Vec<OciDigest>,
}

/// Reads all content of these projects.
pub(super) fn scan(
    blobs: &BlobStore,
    projects: &BTreeMap<ProjectName, Records>,
    progress: &dyn Progress,
) -> Result<Scan, FileError> {
    let mut scanner = Scanner {
        blobs,
        progress,
        scan: Scan::default(),
        whole: Vec::new(),
        recipes: Vec::new(),
    };
    let mut wanted = BTreeSet::new();
    for (project, records) in projects {
        wanted.extend(
            records
                .blobs
                .iter()
                .chain(records.manifests.keys())
                .cloned(),
        );
        for (digest, record) in &records.manifests {
            let Some(document) = documents::read(blobs, digest, record)? else {
                continue;
            };
            let parts = document.blobs().map(Descriptor::digest);
            for part in parts.filter(|part| !records.blobs.contains(*part)) {
                wanted.insert(part.clone());
                let entry = (project.clone(), part.clone());
                scanner.scan.unrecorded.insert(entry);
            }
        }
    }
    scanner.sort(wanted)?;
    scanner.check_whole()?;
    let damaged = scanner.check_frames()?;
    scanner.check_recipes(projects, &damaged)?;
    scanner.look_again()?;
    Ok(scanner.scan)
}

impl Scanner<'_> {
    /// Looks how everything is stored.
    fn sort(&mut self, wanted: BTreeSet<OciDigest>) -> Result<(), FileError> {
        let mut bytes = 0;
        let mut packs = HashSet::new();
        for digest in wanted {
            match self.blobs.stored_as(&digest)? {
                StoredAs::Whole(size) => {
                    bytes += size;
                    self.whole.push(digest);
                }
                StoredAs::Frames(recipe) => {
                    packs.extend(recipe.frames().iter().map(|placed| placed.place.pack));
                    self.recipes.push(digest);
                }
                StoredAs::DamagedRecipe => {
                    self.scan.wrong.insert(digest, Wrong::Recipe);
                }
                StoredAs::Missing => {
                    self.scan.wrong.insert(digest, Wrong::Missing);
                }
            }
        }
        for pack in packs {
            bytes += self.blobs.pack_size(pack)?.unwrap_or(0);
        }
        self.progress.start(Some(bytes));
        Ok(())
    }

    fn check_whole(&mut self) -> Result<(), FileError> {
        for digest in std::mem::take(&mut self.whole) {
            let checked = Cell::new(0);
            let advance = |bytes| {
                checked.set(checked.get() + bytes);
                self.progress.advance(bytes);
            };
            let is_right = self.blobs.is_whole_right(&digest, &advance)?;
            self.scan.checked += checked.get();
            if !is_right {
                self.scan.wrong.insert(digest, Wrong::Bytes);
            }
        }
        Ok(())
    }

    /// Hashes every frame once, and returns where those lie that are damaged.
    fn check_frames(&mut self) -> Result<HashSet<Place>, FileError> {
        let mut damaged = HashSet::new();
        let checked = Cell::new(0);
        let advance = |bytes| {
            checked.set(checked.get() + bytes);
            self.progress.advance(bytes);
        };
        by_pack(self.blobs, &self.recipes, &mut |pack, frames| {
            let add = &mut |place| {
                damaged.insert(place);
            };
            self.blobs.check_pack(pack, &frames, &advance, add)
        })?;
        self.scan.checked += checked.get();
        Ok(damaged)
    }

    fn check_recipes(
        &mut self,
        projects: &BTreeMap<ProjectName, Records>,
        damaged: &HashSet<Place>,
    ) -> Result<(), FileError> {
        let vouched = self.vouched(projects)?;
        for digest in std::mem::take(&mut self.recipes) {
            let Some(recipe) = self.blobs.recipe(&digest)? else {
                self.scan.wrong.insert(digest, Wrong::Recipe);
                continue;
            };
            let frames = recipe.frames().iter();
            let lost = frames.filter(|placed| damaged.contains(&placed.place));
            let lost = lost.count();
            let wrong = if lost > 0 {
                let of = recipe.frames().len();
                Some(Wrong::Frames { damaged: lost, of })
            } else if vouched.contains(&digest) {
                None
            } else {
                self.blobs.examine(&digest, &|_| {})?
            };
            if let Some(wrong) = wrong {
                self.scan.wrong.insert(digest, wrong);
            }
        }
        Ok(())
    }

    /// Returns the payloads and indexes of bundles whose recipes name the frames that stand in their
    /// frame tables, in that order.
    fn vouched(
        &self,
        projects: &BTreeMap<ProjectName, Records>,
    ) -> Result<HashSet<OciDigest>, FileError> {
        let mut vouched = HashSet::new();
        let mut seen = HashSet::new();
        for (digest, record) in projects.values().flat_map(|records| &records.manifests) {
            let document = documents::read(self.blobs, digest, record)?;
            let is_bundle = document.is_some_and(|document| document.is_bundle());
            let (true, Some(hash)) = (is_bundle && seen.insert(digest), digest.sha256()) else {
                continue;
            };
            let Some(bytes) = self.blobs.read(digest, Manifest::MAX_LEN)? else {
                continue;
            };
            // What is damaged is found elsewhere.
            let Ok(parts) = open_parts(self.blobs, hash, bytes) else {
                continue;
            };
            let manifest = parts.manifest();
            for (part, blob) in [
                (Part::Payload, manifest.payload()),
                (Part::Index, manifest.index()),
            ] {
                let digest = OciDigest::from(blob.digest);
                let recipe = self.blobs.recipe(&digest)?;
                if recipe.is_some_and(|recipe| recipe.blob_frames() == blob_frames(&parts, part)) {
                    vouched.insert(digest);
                }
            }
        }
        Ok(vouched)
    }

    /// Looks once more at what is wrong: the server may have changed it meanwhile.
    fn look_again(&mut self) -> Result<(), FileError> {
        for (digest, _) in std::mem::take(&mut self.scan.wrong) {
            if let Some(wrong) = self.blobs.examine(&digest, &|_| {})? {
                self.scan.wrong.insert(digest, wrong);
            }
        }
        Ok(())
    }
}

/// The releases of a project that need content, by the content.
pub(super) fn needed_by(
    blobs: &BlobStore,
    records: &Records,
    wrong: &BTreeMap<OciDigest, Wrong>,
) -> Result<HashMap<OciDigest, BTreeSet<OciDigest>>, FileError> {
    let mut needed: HashMap<OciDigest, BTreeSet<OciDigest>> = HashMap::new();
    for (digest, record) in &records.manifests {
        let mut need = |part: &OciDigest| {
            if wrong.contains_key(part) {
                let by = needed.entry(part.clone()).or_default();
                by.insert(digest.clone());
            }
        };
        need(digest);
        if let Some(document) = documents::read(blobs, digest, record)? {
            document.blobs().for_each(|part| need(part.digest()));
            let manifests = document.manifests().iter();
            manifests.for_each(|part| need(part.digest()));
        }
    }
    Ok(needed)
}
