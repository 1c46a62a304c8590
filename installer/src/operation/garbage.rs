//! Removes releases that are not needed any more. What is kept goes by the journal of activations,
//! never by time: the live release, the one before, what a hold names, and the last few. Releases
//! that failed are counted apart: they push out none that works.
//!
//! A tree is first renamed out of `releases/`, so that half a tree never stands there, and its
//! removal needs no free space. Nothing here fails an install.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;

use bulla_schemas::{Digest, Timestamp};

use super::edits::{self, Disposal};
use super::take_out::Moved;
use crate::drift::examine::is_as_installed;
use crate::failpoint::failpoint;
use crate::live::processes::Uses;
use crate::observer::Observer;
use crate::site::Site;
use crate::state::history::History;
use crate::state::hold::Hold;
use crate::state::leftovers::{self, Leftover, leftover};
use crate::tree::staging::Staging;
use crate::tree::survey::survey;
use crate::tree::{TreeError, releases, remove};

/// How many releases that failed stay, so that people can find out why.
const FAILED: usize = 2;

/// Returns the releases to keep once `live` is live.
pub(crate) fn kept(
    history: &History,
    live: &Digest,
    hold: Option<&Hold>,
    last: usize,
) -> HashSet<Digest> {
    let mut latest = history.latest_first();
    latest.retain(|hash| hash != live);
    let (failed, good): (Vec<Digest>, Vec<Digest>) = latest
        .into_iter()
        .partition(|hash| history.has_failed(hash));
    good.into_iter()
        .take(last.saturating_sub(1))
        .chain(failed.into_iter().take(FAILED))
        .chain(needed(history, live, hold))
        .collect()
}

/// Returns the releases that stay whatever a person asks for: the live one, the one that a rollback
/// would go to, and what a hold names.
pub(super) fn needed(
    history: &History,
    live: &Digest,
    hold: Option<&Hold>,
) -> impl Iterator<Item = Digest> {
    // Before `live` is in the journal, the one before is its last line.
    let previous = match history.last() {
        Some(last) if last.hash != *live => Some(last.hash),
        _ => history.before_live().first().copied(),
    };
    let of_hold = hold.map(|hold| [hold.hash, hold.left]);
    let of_hold = of_hold.into_iter().flatten();
    [*live].into_iter().chain(previous).chain(of_hold)
}

/// What became of the releases that are not needed any more.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// How many are removed.
    pub(crate) removed: usize,
    /// What stays, and why.
    pub(crate) left: Vec<Leftover>,
    /// Whose use of them could not be told.
    pub(crate) hidden: Option<String>,
    /// Who uses what, where that was looked for.
    pub(crate) uses: Option<Uses>,
}

impl Collected {
    /// Says what stays and what could not be told.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        let stays = self.left.iter().map(ToString::to_string);
        stays.chain(self.hidden.iter().cloned())
    }
}

/// Removes every release on this disk that is not in `kept`. What is in use, or cannot be removed,
/// stays where it is; a tree that was changed by hand is set aside.
pub(crate) fn collect(
    site: &Site,
    kept: &HashSet<Digest>,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<Collected, TreeError> {
    let doomed: Vec<Digest> = releases::on_disk(site)?
        .into_iter()
        .filter(|hash| !kept.contains(hash))
        .collect();
    let mut collected = Collected::default();
    if !doomed.is_empty() {
        let uses = Uses::of_project(site);
        let staging = Staging::create(site)?;
        let (mut moved, mut garbage) = (Vec::new(), Vec::new());
        for hash in &doomed {
            let tree = site.tree(hash);
            let given_up = match uses.of_tree(&tree) {
                Some(obstacle) => Err(leftover(tree, &obstacle)),
                None => give_up(site, hash, &staging, now, observer)
                    .map_err(|error| leftover(tree, error.as_ref())),
            };
            match given_up {
                Ok(tree) => moved.extend(tree),
                Err(leftover) => collected.left.push(leftover),
            }
        }
        let uses_now = (!moved.is_empty()).then(|| Uses::of_project(site));
        for (tree, uses) in moved.into_iter().zip(uses_now.iter().cycle()) {
            let hash = *tree.hash();
            let to = staging.garbage(&hash);
            let is_unchanged = |path: &Path| is_as_installed(site, &hash, path);
            match tree.settle(site, uses, is_unchanged, &to) {
                Ok(()) => garbage.push(to),
                Err(error) => collected.left.push(leftover(site.tree(&hash), &error)),
            }
        }
        failpoint!("garbage::before-remove");
        for path in garbage {
            match remove::remove_tree(&path) {
                Ok(()) => collected.removed += 1,
                Err(error) => collected.left.push(leftover(path, &error)),
            }
        }
        // What stays in it is found by the next run.
        let _ = std::fs::remove_dir(staging.path());
        collected.hidden = uses.hidden().filter(|_| collected.removed > 0);
        collected.uses = Some(uses);
    }
    let mut known = leftovers::read(site);
    known.retain(|leftover| !leftover.path.starts_with(site.releases()));
    known.extend(collected.left.iter().cloned());
    leftovers::write(site, &known);
    Ok(collected)
}

/// Moves a tree out of `releases/`; `None` when it is set aside.
fn give_up(
    site: &Site,
    hash: &Digest,
    staging: &Staging,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<Option<Moved>, Box<dyn Error>> {
    if edits::save(site, hash, now, observer)? == Disposal::SetAside {
        return Ok(None);
    }
    survey(&site.tree(hash))?;
    Ok(Some(Moved::out(site, staging, *hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::history::ActivationAction::{Install, Rollback};
    use crate::state::history::tests::{failing, history};

    fn of(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    #[test]
    fn keeps_the_live_one_the_one_before_and_the_last_few() {
        let steps = ["a", "b", "c", "d", "e", "f"].map(|name| (Install, name));
        let kept_of = |last| {
            let kept = kept(&history(&steps), &of("g"), None, last);
            ["a", "b", "c", "d", "e", "f", "g"]
                .into_iter()
                .filter(|name| kept.contains(&of(name)))
                .collect::<String>()
        };
        assert_eq!(kept_of(5), "cdefg");
        assert_eq!(kept_of(3), "efg");
        // The live one and the one that a rollback would go to are kept whatever is asked.
        assert_eq!(kept_of(1), "fg");
        assert_eq!(kept_of(0), "fg");
    }

    #[test]
    fn releases_that_failed_have_a_quota_of_their_own() {
        use crate::state::history::ActivationAction::Return;
        let steps = [
            (Install, "a"),
            (Install, "b"),
            (Install, "x"),
            (Return, "b"),
            (Install, "y"),
            (Return, "b"),
            (Install, "z"),
            (Return, "b"),
        ];
        let history = failing(&steps, &["x", "y", "z"]);
        let kept = kept(&history, &of("b"), None, 2);
        for (name, is_kept) in [
            ("a", true),
            ("b", true),
            ("x", false),
            ("y", true),
            ("z", true),
        ] {
            assert_eq!(kept.contains(&of(name)), is_kept, "{name}");
        }
    }

    #[test]
    fn keeps_what_was_rolled_back_to_and_from() {
        let steps = [
            (Install, "a"),
            (Install, "b"),
            (Install, "c"),
            (Rollback, "a"),
        ];
        let hold = Hold {
            kind: crate::state::HoldKind::Rollback,
            past: None,
            hash: of("a"),
            left: of("c"),
            since: bulla_schemas::Timestamp::EPOCH,
            by: None,
            reason: None,
        };
        let kept = kept(&history(&steps), &of("a"), Some(&hold), 1);
        assert!(kept.contains(&of("a")) && kept.contains(&of("c")));
        assert!(!kept.contains(&of("b")));
    }
}
