//! Damages as people read them.

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::release::short_revision;
use bulla_schemas::report::{Damage, DamagedRelease};
use bulla_terminal::{Failure, Table, count};

/// Fails where something stays damaged; `read` says what was done.
pub(super) fn left(damages: &[Damage], read: &str) -> Result<(), Failure> {
    let left = damages.iter().filter(|damage| !damage.repaired).count();
    if left == 0 {
        return Ok(());
    }
    let left = count(left as u64, "damage is left", "damages are left");
    Err(Failure::new(
        FailureKind::Failed,
        format_args!("{read}: {left}"),
    ))
}

/// Shows damages, each with what to do.
pub(super) fn table(damages: &[Damage]) -> Table {
    let mut table = Table::new(&["DAMAGED", "PROJECT", "FOUND"]).wrap(&["PROJECT", "FOUND"]);
    for damage in damages {
        let project = damage.project.as_ref().map(ToString::to_string);
        table.row([
            damage.kind.to_string(),
            project.unwrap_or_default(),
            sentence(damage),
        ]);
        let next = match &damage.hint {
            _ if damage.repaired => "repaired".to_owned(),
            Some(hint) => format!("hint: {hint}"),
            None => continue,
        };
        table.row([String::new(), String::new(), next]);
    }
    table
}

/// Says what is wrong, and what that means for people.
fn sentence(damage: &Damage) -> String {
    let found = &damage.found;
    if damage.releases.is_empty() {
        return found.clone();
    }
    let releases = damage.releases.iter().map(name).collect::<Vec<_>>();
    let cannot = if damage.repaired {
        "could not"
    } else {
        "cannot"
    };
    // People look for a release, and not for a blob.
    format!(
        "{} {cannot} be fetched whole: {}; {found}",
        count(releases.len() as u64, "release", "releases"),
        releases.join(", ")
    )
}

fn name(release: &DamagedRelease) -> String {
    let revision = release.revision.as_deref().map(short_revision);
    let channels = release.channels.iter().map(ToString::to_string);
    let about: Vec<_> = revision.into_iter().chain(channels).collect();
    match &about[..] {
        [] => release.hash.short(),
        about => format!("{} ({})", release.hash.short(), about.join(", ")),
    }
}
