//! Reads everything that is stored again, says what is not as it was written and what that means,
//! and puts right what can be.
//!
//! It takes no lock for reading, so it runs beside a server; what seems wrong is looked at once more,
//! in case the server has changed it. What is repaired is touched under the content lock, one content
//! at a time.

mod content;
mod damage;
mod fetch;
mod missed;
mod repair;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use bulla_bundle::Progress;
use bulla_files::FileError;
use bulla_registry_client::Client;
use bulla_schemas::ProjectName;
use bulla_schemas::outcome::{Outcome as _, with_causes};
use bulla_schemas::report::{Damage, DamageKind, FsckReport};
use bulla_schemas::units::count;
use bulla_trust::LogState;

use self::content::{Scan, needed_by, scan};
use self::damage::{PUSH, REINDEX, REPAIRABLE, RESTORE_LOG, hint, plain, release, with_hint};
use self::fetch::{Needing, NotBrought};
use self::repair::{COMMAND, Left};
use super::documents;
use super::named::named;
use super::parts::Parts;
use super::records::{self, Records};
use super::rows::{self, WrongRow};
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::mirror::MirrorNote;
use crate::error::{RegistryError, on};
use crate::log::CheckedLog;
use crate::oci::digest::OciDigest;
use crate::oci::document::{Document, is_statement};
use crate::store::Wrong;
use crate::store::space::Disk;

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Only content of these projects; of all when empty.
    pub(crate) projects: Vec<ProjectName>,
    /// Whether what can be put right is.
    pub(crate) is_repair: bool,
    /// From where content is brought back that nothing here has any more.
    pub(crate) from: Option<Client>,
}

/// Looks at the registry at `root`.
pub(crate) async fn fsck(
    root: &Path,
    asked: Asked,
    clock: &Clock,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<FsckReport, RegistryError> {
    let disk = Disk::new(root.to_owned());
    let checked = check(root, asked, clock, progress).await;
    checked.map_err(on(&disk))
}

async fn check(
    root: &Path,
    asked: Asked,
    clock: &Clock,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<FsckReport, RegistryError> {
    let parts = Parts::open_to_read(root, clock).await?;
    parts.require_disks().await?;
    let _one_at_a_time = if asked.is_repair {
        Some(parts.data.lock_keeping(COMMAND, clock.now())?)
    } else {
        None
    };
    let mut report = FsckReport::default();
    let state = log(&parts, &asked, &mut report).await?;
    log_key(&parts, state.clone(), &mut report).await?;
    let is_lost = !parts.data.has_database()?;
    if is_lost {
        let found = "the database is gone, and the index with it".to_owned();
        report
            .damages
            .push(with_hint(plain(DamageKind::Database, found), REINDEX));
    } else {
        database(&parts, &mut report).await;
    }
    let content = Box::pin(content(
        &parts,
        &asked,
        state.as_ref(),
        Arc::clone(&progress),
        &mut report,
    ));
    let projects = content.await?;
    if state.as_ref().is_some_and(|state| state.size() == 0) {
        empty_log(&parts, &projects, &mut report).await?;
    }
    if !is_lost {
        index(&parts, &asked, &projects, &mut report).await?;
    }
    // Once the records are there again that can be made.
    if let Some(state) = &state {
        let wanted = |name: &ProjectName| is_wanted(&asked.projects, name);
        let missed = missed::releases(&parts, state, wanted, asked.from.as_ref(), &*progress);
        report.damages.extend(Box::pin(missed).await?);
    }
    if asked.from.is_some() {
        fetch::clear(&parts)?;
    }
    parts.database.close().await;
    Ok(report)
}

async fn log(
    parts: &Parts,
    asked: &Asked,
    report: &mut FsckReport,
) -> Result<Option<LogState>, RegistryError> {
    let files = parts.log.clone();
    let CheckedLog {
        state,
        damage,
        tiles,
    } = blocking(move || files.check()).await?;
    report.entries = state.as_ref().map_or(0, LogState::size);
    if let Some(found) = damage {
        let damage = plain(DamageKind::Log, found);
        report.damages.push(with_hint(damage, RESTORE_LOG));
    }
    for (tile, content) in tiles {
        let found = format!("{tile} is not what the entries lead to");
        let mut damage = plain(DamageKind::Log, found);
        if asked.is_repair {
            let files = parts.log.clone();
            blocking(move || files.write_again(tile, &content)).await?;
            damage.repaired = true;
        } else {
            damage = with_hint(damage, "`bulla-registry fsck --repair` writes it again");
        }
        report.damages.push(damage);
    }
    Ok(state)
}

/// Says that nobody will believe what is appended, or that nothing can be.
async fn log_key(
    parts: &Parts,
    state: Option<LogState>,
    report: &mut FsckReport,
) -> Result<(), RegistryError> {
    if MirrorNote::read(parts.data.root())?.is_some() {
        return Ok(());
    }
    let (files, path) = (parts.log.clone(), parts.data.log_key());
    let checked = blocking(move || files.check_key(&path, state.as_ref()));
    if let Err(error) = checked.await {
        let damage = plain(DamageKind::Log, with_causes(&error));
        let hint = error.hint();
        report.damages.push(Damage { hint, ..damage });
    }
    Ok(())
}

/// Says that an empty log is a lost one where manifests were made of its statements.
async fn empty_log(
    parts: &Parts,
    projects: &BTreeMap<ProjectName, Records>,
    report: &mut FsckReport,
) -> Result<(), RegistryError> {
    let blobs = parts.blobs.clone();
    let manifests: Vec<_> = projects
        .values()
        .flat_map(|records| records.manifests.clone())
        .collect();
    let is_lost = blocking(move || {
        for (digest, record) in manifests {
            let document = documents::read(&blobs, &digest, &record)?;
            if is_statement(document.as_ref().and_then(Document::artifact_type)) {
                return Ok(true);
            }
        }
        Ok::<_, FileError>(false)
    });
    if is_lost.await? {
        let found = "the log is empty, and there are statements of it".to_owned();
        let damage = plain(DamageKind::Log, found);
        report.damages.push(with_hint(damage, RESTORE_LOG));
    }
    Ok(())
}

async fn database(parts: &Parts, report: &mut FsckReport) {
    let hint = "move `registry.db` away while the registry is stopped, and run `bulla-registry \
                reindex`; tokens and host reports are lost with it";
    match parts.database.check().await {
        Ok(wrong) => {
            let wrong = wrong.into_iter();
            let damages = wrong.map(|found| with_hint(plain(DamageKind::Database, found), hint));
            report.damages.extend(damages);
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| hint.to_owned());
            let found = format!("the database cannot be read: {error}");
            let damage = plain(DamageKind::Database, found);
            report.damages.push(with_hint(damage, &hint));
        }
    }
}

/// Looks at content, and returns what projects have by their records.
async fn content(
    parts: &Parts,
    asked: &Asked,
    state: Option<&LogState>,
    progress: Arc<dyn Progress + Send + Sync>,
    report: &mut FsckReport,
) -> Result<BTreeMap<ProjectName, Records>, RegistryError> {
    let (blobs, repositories) = (parts.blobs.clone(), parts.repositories.clone());
    let (wanted, shown) = (asked.projects.clone(), Arc::clone(&progress));
    let unnamed = wanted.iter().filter(|name| {
        let is_named = state.is_some_and(|state| state.has_project(name));
        !is_named
    });
    let unnamed: Vec<ProjectName> = unnamed.cloned().collect();
    let scanned = blocking(move || {
        let progress = shown;
        let projects = records::read(&repositories, |name| is_wanted(&wanted, name))?;
        if let Some(project) = unnamed.iter().find(|name| !projects.contains_key(*name)) {
            let project = project.clone();
            return Err(RegistryError::NoProject { project });
        }
        let scan = scan(&blobs, &projects, &*progress)?;
        let needed: Result<Vec<_>, _> = projects
            .values()
            .map(|records| needed_by(&blobs, records, &scan.wrong))
            .collect();
        Ok::<_, RegistryError>((projects, scan, needed?))
    });
    let (projects, scan, needed) = scanned.await?;
    let Scan {
        checked,
        wrong,
        unrecorded,
    } = scan;
    report.checked = checked;
    let mut left = if asked.is_repair {
        repair::content(parts, wrong.clone()).await?
    } else {
        let left = wrong.keys().map(|digest| (digest.clone(), Left::Found));
        left.collect()
    };
    let was_left: BTreeSet<OciDigest> = left.keys().cloned().collect();
    let mut not_brought = NotBrought::new();
    if let Some(client) = asked.from.as_ref().filter(|_| !left.is_empty()) {
        let needing = needing(&projects, &needed, &wrong);
        not_brought = fetch::fetch(parts, client, &needing, &mut left, &*progress).await?;
    }
    let brought_from = |digest: &OciDigest| {
        let is_brought = was_left.contains(digest) && !left.contains_key(digest);
        let from = asked.from.as_ref().filter(|_| is_brought);
        from.map(|client| client.url().to_string())
    };
    for ((project, records), needed) in projects.iter().zip(needed) {
        for (digest, wrong) in &wrong {
            let is_manifest = records.manifests.contains_key(digest);
            let by = needed.get(digest);
            if !is_manifest && by.is_none() && !records.blobs.contains(digest) {
                continue;
            }
            let releases = by.into_iter().flatten();
            let releases = releases.filter_map(|by| Some(release(state, project, by.sha256()?)));
            let kind = if is_manifest {
                DamageKind::Manifest
            } else {
                DamageKind::Blob
            };
            let left = left.get(digest);
            let why = not_brought.get(digest);
            let why = why.map_or_else(String::new, |why| format!("; {why}"));
            report.damages.push(Damage {
                project: Some(project.clone()),
                digest: Some(digest.to_string()),
                releases: releases.collect(),
                repaired: left.is_none(),
                brought_from: brought_from(digest),
                hint: left.map(|left| hint(wrong, *left).to_owned()),
                ..plain(kind, format!("{digest} {wrong}{why}"))
            });
        }
    }
    unrecorded_parts(parts, asked, unrecorded, &left, report).await?;
    Ok(projects)
}

/// Returns which manifests need each wrong content, those that are wrong themselves among them.
fn needing(
    projects: &BTreeMap<ProjectName, Records>,
    needed: &[HashMap<OciDigest, BTreeSet<OciDigest>>],
    wrong: &BTreeMap<OciDigest, Wrong>,
) -> Needing {
    let mut needing = Needing::new();
    for ((project, records), needed) in projects.iter().zip(needed) {
        for digest in wrong.keys() {
            let by = needed.get(digest).into_iter().flatten();
            let itself = records.manifests.get_key_value(digest);
            let by = by.chain(itself.map(|(digest, _)| digest));
            let by = by.map(|manifest| (project.clone(), manifest.clone()));
            needing.entry(digest.clone()).or_default().extend(by);
        }
    }
    needing
}

/// Gives projects what their manifests name and their records do not.
async fn unrecorded_parts(
    parts: &Parts,
    asked: &Asked,
    unrecorded: BTreeSet<(ProjectName, OciDigest)>,
    left: &BTreeMap<OciDigest, Left>,
    report: &mut FsckReport,
) -> Result<(), RegistryError> {
    for (project, digest) in unrecorded {
        if left.contains_key(&digest) {
            // That says more.
            continue;
        }
        if asked.is_repair {
            let (repositories, content) = (parts.repositories.clone(), parts.content.clone());
            let (name, blob) = (project.clone(), digest.clone());
            blocking(move || {
                let _lock = content.share()?;
                repositories.record_blob(&name, &blob)
            })
            .await?;
            let now = parts.clock.now();
            parts.database.add_blob(&project, &digest, now).await?;
        }
        let found = format!("{digest} is named by a manifest and has no record");
        report.damages.push(Damage {
            project: Some(project),
            digest: Some(digest.to_string()),
            repaired: asked.is_repair,
            hint: (!asked.is_repair).then(|| REPAIRABLE.to_owned()),
            ..plain(DamageKind::Index, found)
        });
    }
    Ok(())
}

async fn index(
    parts: &Parts,
    asked: &Asked,
    projects: &BTreeMap<ProjectName, Records>,
    report: &mut FsckReport,
) -> Result<(), RegistryError> {
    let is_wanted = |name: &ProjectName| is_wanted(&asked.projects, name);
    let first = rows::compare(&parts.database, projects, is_wanted).await;
    let first = match first {
        Ok(wrong) => wrong,
        // That it cannot be read was told.
        Err(RegistryError::Database(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    if first.is_empty() {
        return Ok(());
    }
    // The server writes the record first, and the row a moment later: what is wrong now and was not
    // before is a push that has come meanwhile.
    let wanted = asked.projects.clone();
    let repositories = parts.repositories.clone();
    let again =
        blocking(move || records::read(&repositories, |name| self::is_wanted(&wanted, name)));
    let again = Arc::new(again.await?);
    let mut wrong = rows::compare(&parts.database, &again, is_wanted).await?;
    let (blobs, projects) = (parts.blobs.clone(), Arc::clone(&again));
    let named = blocking(move || named(&blobs, &projects)).await?;
    // What a push that was cut short has left, or a `gc`, is no damage: nobody was told of it.
    wrong.retain(|wrong| first.contains(wrong));
    wrong.retain(|wrong| {
        !wrong.is_missing_blob() || named.contains(&(wrong.project.clone(), wrong.digest().clone()))
    });
    let is_empty = !parts.database.has_index().await?;
    let (mut rows, mut repaired_rows) = (0, 0);
    for row in wrong {
        let repaired = asked.is_repair && rows::repair(parts, &row).await?;
        if is_empty {
            rows += 1;
            repaired_rows += u64::from(repaired);
            continue;
        }
        let WrongRow { project, .. } = &row;
        report.damages.push(Damage {
            project: Some(project.clone()),
            digest: Some(row.digest().to_string()),
            repaired,
            hint: (!repaired).then(|| {
                let can = if asked.is_repair { PUSH } else { REPAIRABLE };
                can.to_owned()
            }),
            ..plain(DamageKind::Index, row.sentence())
        });
    }
    if rows > 0 {
        let rows_are = count(rows, "row is", "rows are");
        let found = format!("the index is empty: {rows_are} missing that the records lead to");
        let damage = plain(DamageKind::Index, found);
        report.damages.push(if repaired_rows == rows {
            let repaired = true;
            Damage { repaired, ..damage }
        } else {
            with_hint(damage, REINDEX)
        });
    }
    Ok(())
}

fn is_wanted(projects: &[ProjectName], name: &ProjectName) -> bool {
    projects.is_empty() || projects.contains(name)
}
