//! Removes releases that nobody needs any more. What is kept goes by the journal of activations,
//! never by time: the live release, the one before, what a hold names, and the last few.
//!
//! A tree is first renamed out of `releases/`, so that half a tree never stands there, and its
//! removal needs no free space. Nothing here fails an install.

use std::collections::HashSet;

use bulla_schemas::Digest;

use crate::failpoint::failpoint;
use crate::site::Site;
use crate::state::history::History;
use crate::state::hold::Hold;
use crate::tree::{TreeError, releases, remove};

/// Returns the releases to keep once `live` is live.
pub(crate) fn kept(
    history: &History,
    live: &Digest,
    hold: Option<&Hold>,
    last: usize,
) -> HashSet<Digest> {
    let mut latest = history.latest_first();
    latest.retain(|hash| hash != live);
    // The one that a rollback would go to; before `live` is in the journal, that is its last line.
    let previous = match history.last() {
        Some(last) if last.hash != *live => Some(last.hash),
        _ => history.before_live().first().copied(),
    };
    latest
        .iter()
        .take(last.saturating_sub(1))
        .copied()
        .chain([*live])
        .chain(previous)
        .chain(hold.into_iter().flat_map(|hold| [hold.hash, hold.left]))
        .collect()
}

/// Removes every release on this disk that is not in `kept`, and returns how many.
pub(crate) fn collect(site: &Site, kept: &HashSet<Digest>) -> Result<usize, TreeError> {
    let doomed: Vec<Digest> = releases::on_disk(site)?
        .into_iter()
        .filter(|hash| !kept.contains(hash))
        .collect();
    for hash in &doomed {
        let garbage = site.staging().join(format!("garbage-{}", hash.hex()));
        releases::take_out(site, hash, &garbage)?;
    }
    if !doomed.is_empty() {
        failpoint!("garbage::before-remove");
        remove::remove_tree(&site.staging())?;
    }
    Ok(doomed.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::history::ActivationAction::{Install, Rollback};
    use crate::state::history::tests::history;

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
    fn keeps_what_was_rolled_back_to_and_from() {
        let steps = [
            (Install, "a"),
            (Install, "b"),
            (Install, "c"),
            (Rollback, "a"),
        ];
        let hold = Hold {
            hash: of("a"),
            left: of("c"),
            since: bulla_schemas::Timestamp::EPOCH,
        };
        let kept = kept(&history(&steps), &of("a"), Some(&hold), 1);
        assert!(kept.contains(&of("a")) && kept.contains(&of("c")));
        assert!(!kept.contains(&of("b")));
    }
}
