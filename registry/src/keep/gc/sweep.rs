//! The sweep: rows, then records, then content, then frames. Whatever ends it, what is left over has
//! no row, and the next sweep removes it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bulla_files::FileError;
use bulla_schemas::ProjectName;
use bulla_schemas::report::GcReport;
use bulla_trust::LogState;

use super::mark::{closure, needed};
use super::packs::{self, Kind};
use super::project::{COMMAND, Project};
use crate::blocking::blocking;
use crate::error::RegistryError;
use crate::failpoint::failpoint;
use crate::keep::parts::Parts;
use crate::keep::records::Records;
use crate::oci::digest::OciDigest;
use crate::store::repositories::{RecordKind, Removal};

/// How many files go before pushes have their turn again.
const BATCH: usize = 50;

/// For how many seconds it is known that something was removed which the log does not name.
const REMEMBERED: i64 = 365 * 24 * 60 * 60;

/// What lost its rows: records of it may be there still.
type Forgotten = Vec<(ProjectName, RecordKind, OciDigest)>;

/// Removes what was decided to go.
pub(super) async fn sweep(
    parts: &Parts,
    projects: &[Project],
    before: i64,
    report: &mut GcReport,
) -> Result<(), RegistryError> {
    let mut forgotten = Forgotten::new();
    for project in projects.iter().filter(|project| project.needed.is_ok()) {
        forget_manifests(parts, project, before, report, &mut forgotten).await?;
        forget_blobs(parts, project, before, report, &mut forgotten).await?;
    }
    failpoint!("gc::rows-forgotten");
    remove_records(parts, &forgotten).await?;
    failpoint!("gc::records-removed");
    // What is damaged or lost may need any content.
    if projects.iter().all(|project| project.needed.is_ok()) {
        report.freed += remove_content(parts).await?;
        failpoint!("gc::content-removed");
        for project in projects {
            let needs = frames_of(parts, &project.name).await?;
            let database = &parts.database;
            database
                .forget_frames_of(&project.name, &needs, before)
                .await?;
        }
        packs::sweep(parts, before, report).await?;
    }
    report.uploads = remove_uploads(parts).await?;
    Ok(())
}

async fn forget_manifests(
    parts: &Parts,
    project: &Project,
    before: i64,
    report: &mut GcReport,
    forgotten: &mut Forgotten,
) -> Result<(), RegistryError> {
    let (name, known) = (&project.name, &project.known);
    let candidates: Vec<OciDigest> = project.marks.removed.keys().cloned().collect();
    if candidates.is_empty() {
        return Ok(());
    }
    let at = parts.clock.now();
    let removals: Vec<(OciDigest, Removal)> = project
        .marks
        .removed
        .iter()
        .map(|(digest, reason)| {
            let reason = reason.clone();
            (digest.clone(), Removal { at, reason })
        })
        .collect();
    let (repositories, owner) = (parts.repositories.clone(), name.clone());
    blocking(move || {
        let mut removals = removals.iter();
        removals
            .try_for_each(|(digest, removal)| repositories.record_removal(&owner, digest, removal))
    })
    .await?;
    failpoint!("gc::removals-recorded");
    let gone = parts
        .database
        .forget_manifests(name, &candidates, before, |seen| closure(known, seen));
    let gone: BTreeSet<OciDigest> = gone.await?.into_iter().collect();
    for digest in candidates.iter().filter(|digest| !gone.contains(digest)) {
        // Somebody has asked for it meanwhile, or pushed it again.
        let (repositories, owner) = (parts.repositories.clone(), name.clone());
        let kept = digest.clone();
        blocking(move || repositories.forget_removal(&owner, &kept)).await?;
        let hash = digest.sha256();
        for release in &mut report.releases {
            if release.project == *name && Some(release.hash) == hash {
                release.kept = true;
                release.reasons = vec!["asked for meanwhile".to_owned()];
            }
        }
    }
    forgotten.extend(
        gone.into_iter()
            .map(|digest| (name.clone(), RecordKind::Manifest, digest)),
    );
    Ok(())
}

async fn forget_blobs(
    parts: &Parts,
    project: &Project,
    before: i64,
    report: &mut GcReport,
    forgotten: &mut Forgotten,
) -> Result<(), RegistryError> {
    let name = &project.name;
    // Of what was to go and stays, too: it names what it needs.
    let left = parts.database.seen_manifests(name).await?;
    let needed = needed(&project.known, |digest| left.contains_key(digest));
    let Ok(needed) = needed else {
        return Ok(());
    };
    let mut blobs = project.blobs.clone();
    blobs.retain(|digest| !needed.contains_key(digest));
    report.blobs += parts.database.forget_blobs(name, &blobs, before).await?;
    forgotten.extend(
        blobs
            .into_iter()
            .map(|digest| (name.clone(), RecordKind::Blob, digest)),
    );
    Ok(())
}

/// Removes the records of what has no row any more.
async fn remove_records(parts: &Parts, forgotten: &Forgotten) -> Result<(), RegistryError> {
    for batch in forgotten.chunks(BATCH) {
        let lock = parts.content.clone();
        let _alone = blocking(move || lock.alone(COMMAND)).await?;
        let mut gone = Vec::new();
        for (project, kind, digest) in batch {
            let database = &parts.database;
            let is_there = match kind {
                RecordKind::Blob => database.has_blob(project, digest).await?,
                RecordKind::Manifest => database.manifest(project, digest).await?.is_some(),
            };
            if !is_there {
                gone.push((project.clone(), *kind, digest.clone()));
            }
        }
        let repositories = parts.repositories.clone();
        blocking(move || {
            let mut gone = gone.iter();
            gone.try_for_each(|(project, kind, digest)| {
                repositories.forget(project, *kind, digest).map(drop)
            })
        })
        .await?;
    }
    Ok(())
}

/// Finishes what a crash cut short: removes the records of manifests whose removal was recorded and
/// which lost their rows, and forgets removals that did not come so far.
pub(super) async fn finish_removals(
    parts: &Parts,
    records: &BTreeMap<ProjectName, Records>,
) -> Result<(), RegistryError> {
    let mut forgotten = Forgotten::new();
    for (name, records) in records
        .iter()
        .filter(|(_, records)| !records.removed.is_empty())
    {
        let rows = parts.database.seen_manifests(name).await?;
        for digest in &records.removed {
            if rows.contains_key(digest) {
                let (repositories, owner) = (parts.repositories.clone(), name.clone());
                let kept = digest.clone();
                blocking(move || repositories.forget_removal(&owner, &kept)).await?;
            } else if records.manifests.contains_key(digest) {
                forgotten.push((name.clone(), RecordKind::Manifest, digest.clone()));
            }
        }
    }
    remove_records(parts, &forgotten).await
}

/// Forgets after a year that what the log does not name was removed. Of what it does name that is kept
/// as the log is, which grows more by each release than what is kept here.
pub(super) async fn forget_old_removals(
    parts: &Parts,
    records: &BTreeMap<ProjectName, Records>,
    state: &LogState,
) -> Result<(), RegistryError> {
    let since = parts.clock.now().as_seconds() - REMEMBERED;
    for (name, records) in records {
        let is_named = |digest: &&OciDigest| {
            let hash = digest.sha256();
            hash.is_some_and(|hash| state.release(name, &hash).is_some())
        };
        let gone = records
            .removed
            .iter()
            .filter(|digest| !is_named(digest) && !records.manifests.contains_key(*digest));
        let gone: Vec<OciDigest> = gone.cloned().collect();
        let (repositories, owner) = (parts.repositories.clone(), name.clone());
        blocking(move || {
            for digest in gone {
                let removal = repositories.removal(&owner, &digest)?;
                if removal.is_none_or(|removal| removal.at.as_seconds() < since) {
                    repositories.forget_removal(&owner, &digest)?;
                }
            }
            Ok::<_, FileError>(())
        })
        .await?;
    }
    Ok(())
}

/// Removes content that no row names, and returns how many bytes that were.
async fn remove_content(parts: &Parts) -> Result<u64, RegistryError> {
    let mut freed = 0;
    let unnamed = unnamed(parts, &HashSet::new()).await?;
    for batch in unnamed.chunks(BATCH) {
        let lock = parts.content.clone();
        let _alone = blocking(move || lock.alone(COMMAND)).await?;
        let digests: Vec<OciDigest> = batch.iter().map(|(digest, _)| digest.clone()).collect();
        let named = parts.database.named(&digests).await?;
        let batch = batch.to_vec();
        let blobs = parts.blobs.clone();
        freed += blocking(move || {
            let mut freed = 0;
            for (digest, size) in &batch {
                if !named.contains(digest) {
                    blobs.remove(digest)?;
                    freed += size;
                }
            }
            Ok::<_, FileError>(freed)
        })
        .await?;
    }
    Ok(freed)
}

/// Returns the content that is stored and that no row names, and that of `gone` too, with the bytes
/// that it takes besides frames.
async fn unnamed(
    parts: &Parts,
    gone: &HashSet<OciDigest>,
) -> Result<Vec<(OciDigest, u64)>, RegistryError> {
    let blobs = parts.blobs.clone();
    let stored: Vec<(OciDigest, u64)> = blocking(move || {
        let mut stored = BTreeMap::new();
        blobs.each_stored(&mut |digest, size| {
            *stored.entry(digest).or_insert(0) += size;
            Ok::<_, FileError>(())
        })?;
        Ok::<_, FileError>(stored.into_iter().collect())
    })
    .await?;
    let mut unnamed = Vec::new();
    for batch in stored.chunks(500) {
        let digests: Vec<OciDigest> = batch.iter().map(|(digest, _)| digest.clone()).collect();
        let named = parts.database.named(&digests).await?;
        let is_unnamed = |digest: &OciDigest| !named.contains(digest) || gone.contains(digest);
        unnamed.extend(
            batch
                .iter()
                .filter(|(digest, _)| is_unnamed(digest))
                .cloned(),
        );
    }
    Ok(unnamed)
}

/// Returns the frames of all blobs that a project has.
async fn frames_of(
    parts: &Parts,
    project: &ProjectName,
) -> Result<HashSet<bulla_schemas::Digest>, RegistryError> {
    let blobs = parts.blobs.clone();
    let names = parts.database.indexed(project).await?.blobs;
    let frames = blocking(move || {
        let mut frames = HashSet::new();
        for digest in &names {
            if let Some(recipe) = blobs.recipe(digest)? {
                frames.extend(recipe.frames().iter().map(|placed| placed.frame.digest));
            }
        }
        Ok::<_, FileError>(frames)
    });
    Ok(frames.await?)
}

/// Removes files in which nothing is being received any more: the server ends an upload after an hour
/// without use, and one that is not running has forgotten all.
async fn remove_uploads(parts: &Parts) -> Result<u64, RegistryError> {
    let (folder, now) = (parts.data.uploads(), parts.clock.now());
    Ok(blocking(move || crate::store::remove_old_uploads(&folder, now)).await?)
}

/// Works out what a sweep would remove.
pub(super) async fn estimate(
    parts: &Parts,
    records: &BTreeMap<ProjectName, Records>,
    projects: &[Project],
    before: i64,
    report: &mut GcReport,
) -> Result<(), RegistryError> {
    let mut needed: HashSet<&OciDigest> = HashSet::new();
    let mut gone: HashSet<&OciDigest> = HashSet::new();
    for project in projects {
        let all = &records[&project.name];
        let removed: HashSet<&OciDigest> = if project.needed.is_ok() {
            let manifests = project.marks.removed.keys();
            manifests.chain(&project.blobs).collect()
        } else {
            HashSet::new()
        };
        report.blobs += project.blobs.len() as u64;
        for digest in all.blobs.iter().chain(all.manifests.keys()) {
            if !removed.contains(digest) {
                needed.insert(digest);
            }
        }
        gone.extend(removed);
    }
    if projects.iter().any(|project| project.needed.is_err()) {
        return Ok(());
    }
    let gone = gone.difference(&needed).map(|digest| (*digest).clone());
    let gone: HashSet<OciDigest> = gone.collect();
    let unnamed = unnamed(parts, &gone).await?;
    report.freed += unnamed.iter().map(|(_, size)| size).sum::<u64>();
    let unnamed: HashSet<OciDigest> = unnamed.into_iter().map(|(digest, _)| digest).collect();
    for plan in packs::plan(parts, &unnamed).await? {
        if packs::is_promised(parts, &plan, before).await? {
            continue;
        }
        report.freed += plan.size - plan.live_bytes();
        report.rewritten += u64::from(plan.kind() == Kind::Rewritten);
    }
    Ok(())
}
