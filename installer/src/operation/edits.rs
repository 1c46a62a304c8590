//! What is said of edits when a tree is left or removed, and what becomes of it.

use bulla_schemas::{Digest, Timestamp};

use crate::drift::examine::{Depth, examine};
use crate::drift::{DriftError, set_aside};
use crate::observer::Observer;
use crate::site::Site;
use crate::state::record::TreeRecord;
use crate::tree::compare::{in_words, is_untouched};
use crate::tree::{permissions, place};
use bulla_schemas::units::count;

/// Returns what is to be said of a live tree that is going to be left: which of its paths were
/// edited, and where they are. A record of it that was read already says quickly that none were.
pub(super) fn of_left(site: &Site, left: &Digest, known: Option<&TreeRecord>) -> Vec<String> {
    if known.is_some_and(|known| is_untouched(known, &site.tree(left))) {
        return Vec::new();
    }
    let Ok(Some(comparison)) = examine(site, left, Depth::Quick) else {
        return Vec::new();
    };
    let covered = comparison.mounted.iter().map(|point| {
        format!(
            "something is mounted on `{}`, in the tree that is left; the live one is without it",
            site.tree(left).join(point).display()
        )
    });
    let edited = (!comparison.differences.is_empty()).then(|| {
        format!(
            "the tree of {}, which is left, was edited: {}; it stays in `{}` and goes to `{}` when \
             it is not needed any more",
            left.short(),
            in_words(&comparison.differences),
            site.tree(left).display(),
            site.set_aside().display(),
        )
    });
    covered.chain(edited).collect()
}

/// Makes a tree ready that is going to be live and is what was installed: as far as this user may,
/// its programs are executable and its top has no write bits.
pub(super) fn make_ready(
    site: &Site,
    hash: &Digest,
    not_executable: &[String],
    observer: &dyn Observer,
) {
    let tree = site.tree(hash);
    let failed = permissions::make_executable(&tree, not_executable);
    if failed > 0 {
        observer.note(&format!(
            "{} in `{}` of another user cannot be executed by everybody",
            count(failed as u64, "program", "programs"),
            tree.display()
        ));
    }
    // The write bit of the top only matters to people: a tree of another user keeps it.
    let _ = place::close_top(&tree);
}

/// What became of a tree that is not needed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposal {
    /// Nothing in it was a person's: it can be removed.
    Removable,
    /// It was changed, and is set aside.
    SetAside,
}

/// Sets a tree aside that is not what was installed, or of which that cannot be told.
pub(super) fn save(
    site: &Site,
    hash: &Digest,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<Disposal, DriftError> {
    let comparison = examine(site, hash, Depth::Quick)?;
    let differences = match &comparison {
        Some(comparison) if comparison.differences.is_empty() => return Ok(Disposal::Removable),
        Some(comparison) => comparison.differences.as_slice(),
        None => &[],
    };
    let path = set_aside::keep(site, hash, differences, now)?;
    let why = match (differences, set_aside::stand_in(&path)) {
        (_, Some(kind)) => format!("a {kind} was in its place"),
        ([], None) => "what was installed is not known any more".to_owned(),
        (differences, None) => in_words(differences),
    };
    observer.note(&format!(
        "the tree of {} is not needed any more but was changed ({why}); it is kept in `{}`",
        hash.short(),
        path.display()
    ));
    Ok(Disposal::SetAside)
}
