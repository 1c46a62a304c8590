//! Removes what nothing needs any more, beside a server that takes pushes.
//!
//! ```text
//! mark   heads, tags, hosts, what was seen lately ──▶ manifests ──▶ blobs
//! sweep  rows of the index ─▶ records ─▶ content ─▶ packs without frames that are needed
//!                                              └▶ packs written again without the others
//! ```
//!
//! What the registry takes in, or tells somebody who may push that it has, is *seen*, and stays for a
//! while. A row goes in one statement that looks whether it was seen, so whoever was told that
//! something is there finds it there. Content goes after its rows, while the content lock is held
//! alone and only where no row names it then; pushes share that lock from when they store content to
//! when its row is written.
//!
//! Of a project in which something that stays is damaged or lost nothing goes, and no content at all:
//! what that is made of cannot be told, and the next push may need just this.

mod absent;
mod damaged;
#[cfg(test)]
mod histories;
mod hosts;
mod mark;
mod packs;
mod project;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bulla_files::FileError;
use bulla_schemas::ProjectName;
use bulla_schemas::report::{GcRelease, GcReport, GcSkipped};
use bulla_trust::LogState;

use self::hosts::hosts;
use self::mark::{Known, Named, Reason, is_bundle, mark, needed};
use self::project::{COMMAND, Project};
use super::Retention;
use super::documents;
use super::parts::Parts;
use super::records::{self, Records};
use super::rows;
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::DataDirectory;
use crate::error::{RegistryError, on};
use crate::log::CheckedLog;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;
use crate::store::repositories::ManifestRecord;
use crate::store::space::Disk;

/// Removes what nothing needs from the registry at `root`, or only says what that is.
pub(crate) async fn gc(
    root: &Path,
    retention: &Retention,
    is_dry: bool,
    clock: &Clock,
) -> Result<GcReport, RegistryError> {
    let disk = Disk::new(root.to_owned());
    let mut collected = once(root, retention, is_dry, clock)
        .await
        .map_err(on(&disk));
    if is_dry {
        return collected;
    }
    let ballast = DataDirectory::open(root)?.ballast();
    if matches!(collected, Err(RegistryError::DiskFull { .. })) && ballast.give()? {
        // Whatever it has begun, it goes on from there.
        collected = once(root, retention, is_dry, clock)
            .await
            .map_err(on(&disk));
    }
    disk.take_ballast(&ballast);
    collected
}

async fn once(
    root: &Path,
    retention: &Retention,
    is_dry: bool,
    clock: &Clock,
) -> Result<GcReport, RegistryError> {
    let parts = Parts::open(root, clock).await?;
    let now = clock.now();
    // What is told to pushes holds for a while; with less than that, none may go on.
    let _stopped = if retention.grace < Retention::LEAST_BESIDE_SERVER {
        Some(parts.data.lock(COMMAND, now)?)
    } else {
        None
    };
    let _one_at_a_time = parts.data.lock_keeping(COMMAND, now)?;
    let log = parts.log.clone();
    let CheckedLog { state, damage, .. } = blocking(move || log.check()).await?;
    let state = state.ok_or(RegistryError::NothingToKeepBy {
        reason: damage.unwrap_or_default(),
    })?;
    let report = collect(&parts, &state, retention, is_dry).await;
    parts.database.close().await;
    report
}

/// Removes what nothing needs, by the log as it is now.
async fn collect(
    parts: &Parts,
    state: &LogState,
    retention: &Retention,
    is_dry: bool,
) -> Result<GcReport, RegistryError> {
    let now = parts.clock.now();
    let before = now.as_seconds().saturating_sub(retention.grace);
    parts.require_disks().await?;
    let records = read_records(parts).await?;
    if !is_dry {
        parts.database.see_unknown(now).await?;
        sweep::finish_removals(parts, &records).await?;
        sweep::forget_old_removals(parts, &records, state).await?;
        index_what_a_crash_left(parts, &records).await?;
    }
    let mut projects = Vec::new();
    for (name, records) in &records {
        let known = known(parts, name, records).await?;
        if state.size() == 0 && known.has_statements() {
            return Err(RegistryError::NothingToKeepBy {
                reason: format!("the log is empty, and {name} has statements of it"),
            });
        }
        let (terms, rule) = retention.of(name);
        let terms = (terms, retention.grace);
        let marks = mark(name, &known, state, terms, now.as_seconds());
        let needed = match needed(&known, |digest| marks.kept.contains_key(digest)) {
            Ok(needed) => whole(parts, records, &known, needed).await?,
            unreadable => unreadable,
        };
        let blobs = match &needed {
            Err(_) => Vec::new(),
            Ok(needed) => {
                let mut old = parts.database.old_blobs(name, before).await?;
                old.retain(|digest| !needed.contains_key(digest));
                old
            }
        };
        projects.push(Project {
            name: name.clone(),
            known,
            marks,
            needed,
            blobs,
            rule,
        });
    }
    let mut report = describe(&projects);
    report.dry_run = is_dry;
    if is_dry {
        sweep::estimate(parts, &records, &projects, before, &mut report).await?;
    } else {
        sweep::sweep(parts, &projects, before, &mut report).await?;
        absent::let_go(parts, state, retention).await?;
    }
    // What is not whole may be mended by what was moved away.
    if report.skipped.is_empty() {
        damaged::sweep(parts, before, &mut report).await?;
    }
    Ok(report)
}

/// Returns what is needed where all of it is stored, by its size, or else what is not, or a manifest
/// that is recorded and cannot be read, so that the index does not know it.
async fn whole(
    parts: &Parts,
    records: &Records,
    known: &Known,
    needed: BTreeMap<OciDigest, u64>,
) -> Result<Result<BTreeMap<OciDigest, u64>, OciDigest>, RegistryError> {
    let blobs = parts.blobs.clone();
    let mut unknown = records.manifests.clone();
    unknown.retain(|digest, _| {
        !known.manifests.contains_key(digest) && !records.removed.contains(digest)
    });
    let looked = blocking(move || {
        for (digest, record) in unknown {
            if documents::read(&blobs, &digest, &record)?.is_none() {
                return Ok(Err(digest));
            }
        }
        for (digest, size) in &needed {
            if blobs.size(digest)? != Some(*size) {
                return Ok(Err(digest.clone()));
            }
        }
        Ok::<_, FileError>(Ok(needed))
    });
    Ok(looked.await?)
}

async fn read_records(parts: &Parts) -> Result<BTreeMap<ProjectName, Records>, RegistryError> {
    let repositories = parts.repositories.clone();
    Ok(blocking(move || records::read(&repositories, |_| true)).await?)
}

/// Makes the rows that a crash between record and row has left out: they are seen now.
async fn index_what_a_crash_left(
    parts: &Parts,
    records: &BTreeMap<ProjectName, Records>,
) -> Result<(), RegistryError> {
    for wrong in rows::compare(&parts.database, records, |_| true).await? {
        if wrong.is_missing && !rows::repair(parts, &wrong).await? {
            tracing::warn!(project = %wrong.project, digest = %wrong.digest(), "a record names content that is not here");
        }
    }
    Ok(())
}

/// Reads what is known of a project.
async fn known(
    parts: &Parts,
    project: &ProjectName,
    records: &Records,
) -> Result<Known, RegistryError> {
    let manifests = parts.database.seen_manifests(project).await?;
    let (blobs, listed) = (parts.blobs.clone(), manifests.clone());
    let documents = blocking(move || {
        let mut documents = BTreeMap::new();
        for (digest, manifest) in &listed {
            let record = ManifestRecord {
                media_type: manifest.media_type.clone(),
            };
            let Some(document) = documents::read(&blobs, digest, &record)? else {
                continue;
            };
            let parts = document.blobs();
            let named = Named {
                blobs: parts
                    .map(|part| (part.digest().clone(), part.size()))
                    .collect(),
                manifests: document
                    .manifests()
                    .iter()
                    .map(|part| part.digest().clone())
                    .collect(),
            };
            documents.insert(digest.clone(), named);
        }
        Ok::<_, FileError>(documents)
    })
    .await?;
    Ok(Known {
        manifests,
        documents,
        tags: tags(parts, project, records).await?,
        hosts: hosts(parts, project).await?,
    })
}

/// Returns the tags by the records and the index, and where these differ, both.
async fn tags(
    parts: &Parts,
    project: &ProjectName,
    records: &Records,
) -> Result<BTreeSet<(Tag, OciDigest)>, RegistryError> {
    let indexed = parts.database.indexed(project).await?.tags;
    Ok(records.tags.clone().into_iter().chain(indexed).collect())
}

fn describe(projects: &[Project]) -> GcReport {
    let mut report = GcReport::default();
    for project in projects {
        if let Err(digest) = &project.needed {
            report.skipped.push(GcSkipped {
                project: project.name.clone(),
                digest: digest.to_string(),
            });
        }
        for (digest, manifest) in &project.known.manifests {
            let kept = project.marks.kept.get(digest);
            let is_kept = kept.is_some() || project.needed.is_err();
            let (true, Some(hash)) = (is_bundle(manifest), digest.sha256()) else {
                report.manifests += u64::from(!is_kept);
                continue;
            };
            let mut reasons: Vec<String> =
                kept.into_iter().flatten().map(Reason::sentence).collect();
            if !is_kept {
                reasons.extend(project.marks.removed.get(digest).cloned());
            } else if reasons.is_empty() {
                reasons.push("something of the project is damaged or lost".to_owned());
            }
            let named = project.known.documents.get(digest);
            report.releases.push(GcRelease {
                project: project.name.clone(),
                hash,
                kept: is_kept,
                reasons,
                rule: project.rule.clone(),
                apparent: named.map_or(0, |named| named.blobs.values().sum()),
            });
        }
    }
    report
}
