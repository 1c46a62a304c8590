//! What the content of projects and releases takes on the disk.
//!
//! It reads files only and takes no lock, so that it runs beside a server: of a push that goes on
//! meanwhile it counts what has been written by then.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bulla_files::FileError;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::report::{FrameAge, ProjectUsage, ReleaseUsage, UsageReport};
use bulla_schemas::{Digest, ProjectName, Timestamp};

use crate::frames::PackId;
use crate::objects::Objects;
use crate::oci::descriptor::Descriptor;
use crate::oci::digest::OciDigest;
use crate::oci::document::Document;
use crate::store::blobs::BlobStore;
use crate::store::repositories::{Record, Repositories};
use crate::store::space::Disk;
use crate::store::{Piece, Pieces};

/// Up to how many days each group of frames is old; one more is for all that are older.
const AGES: [u32; 4] = [1, 7, 30, 365];
const DAY: Duration = Duration::from_hours(24);

/// What a project has.
#[derive(Default)]
struct Content {
    /// Its blobs and manifests.
    digests: HashSet<OciDigest>,
    /// Which of these are manifests, and of what type.
    manifests: Vec<(OciDigest, String)>,
    tags: HashMap<OciDigest, Vec<String>>,
}

/// A bundle of a project.
struct Release {
    hash: Digest,
    digests: HashSet<OciDigest>,
}

/// Who needs a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    /// One, by its position in the list.
    By(usize),
    /// Several.
    BySeveral,
}

/// Every piece, its size and who needs it.
#[derive(Default)]
struct Ledger(HashMap<Piece, (u64, Needed)>);

/// What one of those that need pieces has.
#[derive(Clone, Copy, Default)]
struct Sizes {
    apparent: u64,
    real: u64,
}

impl Ledger {
    /// Notes what content `by` needs.
    fn note<'a>(
        &mut self,
        by: usize,
        digests: impl IntoIterator<Item = &'a OciDigest>,
        blobs: &BlobStore,
    ) -> Result<Sizes, FileError> {
        let mut sizes = Sizes::default();
        let mut seen = HashSet::new();
        for digest in digests {
            let Pieces { apparent, pieces } = blobs.pieces(digest)?;
            sizes.apparent += apparent;
            for (piece, size) in pieces {
                if !seen.insert(piece.clone()) {
                    continue;
                }
                sizes.real += size;
                let needed = self.0.entry(piece).or_insert((size, Needed::By(by)));
                if needed.1 != Needed::By(by) {
                    needed.1 = Needed::BySeveral;
                }
            }
        }
        Ok(sizes)
    }

    /// Returns what each of `count` needs alone, of the pieces that `is_counted`.
    fn alone(&self, count: usize, is_counted: impl Fn(&Piece) -> bool) -> Vec<u64> {
        let mut alone = vec![0; count];
        for (piece, (size, needed)) in &self.0 {
            if let Needed::By(one) = needed
                && is_counted(piece)
            {
                alone[*one] += size;
            }
        }
        alone
    }

    fn is_needed_by(&self, piece: &Piece, one: usize) -> bool {
        let needed = self.0.get(piece).map(|(_, needed)| *needed);
        needed == Some(Needed::By(one))
    }
}

/// Measures the registry at `root`, and the releases of `detailed`.
pub(crate) fn usage(
    root: &Path,
    detailed: Option<&ProjectName>,
    now: Timestamp,
) -> Result<UsageReport, FileError> {
    let objects = Objects::new(root.to_owned());
    let blobs = BlobStore::new(objects.clone(), Disk::new(root.to_owned()));
    let projects = read(&Repositories::new(objects))?;
    let mut ledger = Ledger::default();
    let mut sizes = Vec::new();
    for (position, content) in projects.values().enumerate() {
        sizes.push(ledger.note(position, &content.digests, &blobs)?);
    }
    let alone = ledger.alone(projects.len(), |_| true);
    let mut rows = Vec::new();
    for (position, (project, content)) in projects.iter().enumerate() {
        let releases = if detailed == Some(project) {
            let is_counted = |piece: &Piece| ledger.is_needed_by(piece, position);
            Some(releases(content, &blobs, is_counted)?)
        } else {
            None
        };
        rows.push(ProjectUsage {
            project: project.clone(),
            apparent: sizes[position].apparent,
            real: sizes[position].real,
            alone: alone[position],
            releases,
        });
    }
    let frames = ages(&ledger, &blobs, now)?;
    let needed: u64 = frames.iter().map(|age| age.real).sum();
    Ok(UsageReport {
        apparent: rows.iter().map(|row| row.apparent).sum(),
        real: blobs.stored()?,
        unused: blobs.packed()?.saturating_sub(needed),
        projects: rows,
        frames,
    })
}

fn read(repositories: &Repositories) -> Result<BTreeMap<ProjectName, Content>, FileError> {
    let mut projects: BTreeMap<ProjectName, Content> = BTreeMap::new();
    repositories.each(&mut |project, record| {
        let content = projects.entry(project.clone()).or_default();
        match record {
            Record::Blob(digest) => {
                content.digests.insert(digest);
            }
            Record::Manifest(digest, record) => {
                content.digests.insert(digest.clone());
                content.manifests.push((digest, record.media_type));
            }
            Record::Tag(tag, digest) => {
                let tags = content.tags.entry(digest).or_default();
                tags.push(tag.to_string());
            }
            Record::Removed(_) => {}
        }
        Ok::<_, FileError>(())
    })?;
    Ok(projects)
}

/// Measures the releases of a project, of whose pieces those are counted that no other project
/// needs.
fn releases(
    content: &Content,
    blobs: &BlobStore,
    is_counted: impl Fn(&Piece) -> bool,
) -> Result<Vec<ReleaseUsage>, FileError> {
    let mut releases = Vec::new();
    for (digest, media_type) in &content.manifests {
        releases.extend(release(content, blobs, digest, media_type)?);
    }
    let mut ledger = Ledger::default();
    let mut sizes = Vec::new();
    for (position, release) in releases.iter().enumerate() {
        sizes.push(ledger.note(position, &release.digests, blobs)?);
    }
    let of_releases: HashSet<_> = releases.iter().flat_map(|one| &one.digests).collect();
    let others = content.digests.iter();
    let others = others.filter(|digest| !of_releases.contains(digest));
    ledger.note(releases.len(), others, blobs)?;
    let alone = ledger.alone(releases.len() + 1, is_counted);
    let mut rows = Vec::new();
    for (position, release) in releases.into_iter().enumerate() {
        let tags = content.tags.get(&release.hash.into()).cloned();
        let mut tags = tags.unwrap_or_default();
        tags.sort_unstable();
        rows.push(ReleaseUsage {
            hash: release.hash,
            tags,
            apparent: sizes[position].apparent,
            real: sizes[position].real,
            alone: alone[position],
        });
    }
    rows.sort_by_key(|row| (std::cmp::Reverse(row.alone), row.hash.hex()));
    Ok(rows)
}

/// Reads a manifest; `None` where it is not one of a bundle, or is damaged.
fn release(
    content: &Content,
    blobs: &BlobStore,
    digest: &OciDigest,
    media_type: &str,
) -> Result<Option<Release>, FileError> {
    let (Some(hash), Some(bytes)) = (digest.sha256(), blobs.read(digest, Manifest::MAX_LEN)?)
    else {
        return Ok(None);
    };
    let document = Document::read(&bytes, Some(media_type)).ok();
    let Some(document) = document.filter(Document::is_bundle) else {
        return Ok(None);
    };
    let parts = document.blobs().map(Descriptor::digest);
    let parts = parts.filter(|part| content.digests.contains(part));
    Ok(Some(Release {
        hash,
        digests: parts.chain([digest]).cloned().collect(),
    }))
}

/// Groups the frames by how long ago they were stored.
fn ages(ledger: &Ledger, blobs: &BlobStore, now: Timestamp) -> Result<Vec<FrameAge>, FileError> {
    let mut packs: HashMap<PackId, (u64, u64)> = HashMap::new();
    for (piece, (size, _)) in &ledger.0 {
        if let Piece::Frame(place) = piece {
            let (count, sum) = packs.entry(place.pack).or_default();
            *count += 1;
            *sum += size;
        }
    }
    let limits = AGES.into_iter().map(Some).chain([None]);
    let mut ages: Vec<FrameAge> = limits
        .map(|days| FrameAge {
            days,
            count: 0,
            real: 0,
        })
        .collect();
    let now = Duration::from_secs(u64::try_from(now.as_seconds()).unwrap_or(0));
    for (pack, (count, sum)) in packs {
        // A pack that is away takes nothing of this disk.
        let Some(stored) = blobs.packed_at(pack)? else {
            continue;
        };
        let stored = stored.duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = now.saturating_sub(stored);
        let group = AGES.iter().position(|days| age <= DAY * *days);
        let group = &mut ages[group.unwrap_or(AGES.len())];
        group.count += count;
        group.real += sum;
    }
    Ok(ages)
}
