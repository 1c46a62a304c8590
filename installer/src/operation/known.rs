//! Which projects this server knows, and what can be known of one whose history is lost.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bulla_schemas::units::count;
use bulla_schemas::{Digest, ProjectName, Timestamp};
use bulla_trust::LogState;

use super::resolve::of_promotion;
use crate::live::current;
use crate::observer::Observer;
use crate::platform::files::{Attempt as _, FileError};
use crate::site::{Server, Site};
use crate::state::history::{
    self, Activation, ActivationAction, ActivationResult, History, PromotionRecord,
};
use crate::state::{StateError, bundles, output};
use crate::tree::{ReleaseNote, note, releases};

/// Tells whether a release of the project was ever live here: its history is there, or `current`.
pub(super) fn was_installed(site: &Site) -> bool {
    site.history().symlink_metadata().is_ok() || site.current().symlink_metadata().is_ok()
}

/// The same, also where the trees of releases are all that is left.
pub(super) fn is_known(site: &Site) -> bool {
    was_installed(site) || releases::on_disk(site).is_ok_and(|found| !found.is_empty())
}

/// Returns the projects that were ever installed here: those that the state tells of, and those
/// whose folders lie below the root, because the state of one or of all may be lost.
pub(super) fn projects(server: &Server) -> Result<BTreeSet<ProjectName>, FileError> {
    let mut projects = below_root(server);
    let path = server.projects();
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(projects);
        }
        Err(error) => return Err(error).attempt("list", path),
    };
    for entry in entries {
        let name = entry.attempt("list", &path)?.file_name();
        let name = name.to_str().map(|name| name.replace("%2F", "/"));
        let project = name.and_then(|name| name.parse::<ProjectName>().ok());
        // An install that failed may leave an interrupted download.
        projects.extend(project.filter(|project| was_installed(&server.site(project))));
    }
    Ok(projects)
}

/// How deep projects are looked for, and in how many directories.
const DEEPEST: usize = 4;
const MOST_DIRECTORIES: usize = 10_000;

/// Returns the projects whose folders lie below the root, the least deep first where those are too
/// many to look at, or where the host file says.
fn below_root(server: &Server) -> BTreeSet<ProjectName> {
    let mut found = BTreeSet::new();
    let mut open = VecDeque::from([(server.root().to_owned(), 0)]);
    for _ in 0..MOST_DIRECTORIES {
        let Some((directory, depth)) = open.pop_front() else {
            break;
        };
        if depth > 0 {
            let name = directory.strip_prefix(server.root()).ok();
            let name = name.and_then(Path::to_str);
            // Below what cannot be a project's name, there is none.
            let Some(project) = name.and_then(|name| name.parse::<ProjectName>().ok()) else {
                continue;
            };
            if is_known(&server.site(&project)) {
                found.insert(project);
                continue;
            }
        }
        if depth == DEEPEST {
            continue;
        }
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let directories =
            entries.filter(|entry| entry.file_type().is_ok_and(|found| found.is_dir()));
        let room = MOST_DIRECTORIES.saturating_sub(open.len());
        open.extend(
            directories
                .take(room)
                .map(|entry| (entry.path(), depth + 1)),
        );
    }
    let elsewhere = server.projects_elsewhere();
    found.extend(
        elsewhere
            .filter(|project| is_known(&server.site(project)))
            .cloned(),
    );
    found
}

/// Forgets a project of which nothing was ever installed, but for a download that goes on later.
pub(super) fn forget(site: &Site) {
    for directory in [site.records(), site.spools()] {
        let _ = fs::remove_dir(directory);
    }
    let _ = fs::remove_file(site.lock());
    let _ = fs::remove_dir(site.state());
}

fn releases_of(found: &[Activation]) -> String {
    let found: BTreeSet<_> = found.iter().map(|found| found.hash).collect();
    count(found.len() as u64, "release", "releases")
}

/// Writes what can be known of activations into a history that lacks them: all of those whose trees
/// are on this disk when nothing else is left, and the live one when it was not written down. The
/// project's lock is held. Returns the history as it is then.
pub(super) fn restore_history(
    site: &Site,
    history: History,
    log: &LogState,
    now: Timestamp,
    observer: &dyn Observer,
) -> History {
    let path = site.history();
    let Ok(live) = current::read(site) else {
        return history;
    };
    let mut found = match (history.last(), live) {
        (None, _) => of_trees(site, log, live),
        (Some(last), Some(live)) if last.hash != live => {
            of_release(site, log, &history, &live, now)
                .into_iter()
                .collect()
        }
        _ => return history,
    };
    if found.is_empty() {
        return history;
    }
    for (number, activation) in (output::next_number(site, &history)..).zip(&mut found) {
        activation.number = number;
    }
    observer.note(&match (history.last(), live) {
        (None, _) => format!(
            "the history in `{}` was lost; what is known of {} is written there again, from what \
             is in `{}` and what the log says",
            path.display(),
            releases_of(&found),
            site.releases().display()
        ),
        (Some(_), _) => format!(
            "the history did not say that {} is live, and says it now",
            found[0].hash.short()
        ),
    });
    for activation in &found {
        if let Err(error) = history::append(&path, activation) {
            observer.note(&unwritten(&error));
            break;
        }
    }
    History::read(&path).unwrap_or(history)
}

/// Says that what happened is not in the history yet.
pub(super) fn unwritten(error: &StateError) -> String {
    format!(
        "what is live cannot be written down yet: {}; the next command that can does it",
        crate::observer::with_causes(error)
    )
}

/// The releases on this disk in the order in which their trees were written, and then the live one,
/// so that what was written after it counts as left by a rollback.
fn of_trees(site: &Site, log: &LogState, live: Option<Digest>) -> Vec<Activation> {
    let none = History::default();
    let mut found: Vec<Activation> = releases::on_disk(site)
        .unwrap_or_default()
        .iter()
        .filter_map(|hash| of_release(site, log, &none, hash, Timestamp::EPOCH))
        .collect();
    found.sort_by_key(|activation| (activation.activated_at, Some(activation.hash) == live));
    let live = found.iter().position(|found| Some(found.hash) == live);
    if let Some(live) = live.filter(|live| live + 1 < found.len()) {
        found.push(found[live].clone());
    }
    found
}

/// What is known of a release from its earlier activations, the log, and the note beside its tree.
/// `activated_at` is when the tree was written, where that is known.
fn of_release(
    site: &Site,
    log: &LogState,
    history: &History,
    hash: &Digest,
    now: Timestamp,
) -> Option<Activation> {
    let note = note::read(site, hash);
    let before = history.last_of(hash);
    // A hash may have been promoted again, for another reason, since its tree was written.
    let promoted = log.promotions(site.project()).rfind(|promotion| {
        let is_noted = |note: &ReleaseNote| {
            (&note.channel, note.promoted_at) == (&promotion.channel, promotion.issued_at)
        };
        let is_of_hash = promotion.hash == *hash && !promotion.is_widening();
        is_of_hash && note.as_ref().is_none_or(is_noted)
    });
    let promotion = before
        .map(|before| before.promotion.clone())
        .or_else(|| promoted.map(of_promotion))
        .or_else(|| note.as_ref().map(of_note))?;
    let revision = before
        .map(|before| before.revision.clone())
        .or_else(|| note.as_ref().map(|note| note.revision.clone()))
        .or_else(|| {
            let parts = bundles::read_parts(site, hash).ok()??;
            Some(parts.release().source.revision().to_owned())
        })?;
    let written_at = note.map_or(promotion.issued_at, |note| note.installed_at);
    Some(Activation {
        number: 0,
        action: ActivationAction::Recovered,
        hash: *hash,
        from: None,
        revision,
        activated_at: if before.is_some() { now } else { written_at },
        promotion,
        log: log.position(),
        by: None,
        reason: None,
        result: ActivationResult::Activated,
        failure: None,
        failed_at: None,
        output: None,
    })
}

/// Where it stands in the log is not known.
fn of_note(note: &ReleaseNote) -> PromotionRecord {
    PromotionRecord {
        channel: note.channel.clone(),
        seq: 0,
        entry: 0,
        people: note.promoted_by.clone(),
        reason: note.reason.clone(),
        issued_at: note.promoted_at,
    }
}
