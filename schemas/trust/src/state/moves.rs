//! The moves of a channel, and which of its heads are in effect: a rollback takes out what the
//! channel came to since.

use std::collections::{BTreeMap, BTreeSet};

use bulla_schemas::statement::Action;
use bulla_schemas::{ChannelName, Digest, ProjectName};

use super::entries::{Head, Promotion};
use super::log_state::LogState;

/// The moves of a channel, oldest first.
#[derive(Debug, Clone)]
pub struct Moves<'a>(Vec<&'a Promotion>);

impl LogState {
    /// Returns the moves of a channel. What only lets more servers have its head is none.
    pub fn moves(&self, project: &ProjectName, channel: &ChannelName) -> Moves<'_> {
        let all = self.promotions(project);
        let of_channel = all.filter(|one| one.channel == *channel && !one.is_widening());
        Moves(of_channel.collect())
    }

    /// Returns the head to which people took a channel back from a bundle, as it was then; `None` where
    /// no rollback took that out, or the channel came to it again. Servers on which it is live do not
    /// stay there, whatever the channel points to since.
    pub fn way_back(
        &self,
        project: &ProjectName,
        channel: &ChannelName,
        live: &Digest,
    ) -> Option<Head> {
        let to = self.moves(project, channel).way_back(live)?;
        self.head_after(project, to)
    }
}

impl<'a> Moves<'a> {
    /// Returns them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a Promotion> {
        self.0.iter().copied()
    }

    /// Returns the heads that no rollback has taken out, the present one last.
    pub fn in_effect(&self) -> Vec<&'a Promotion> {
        let mut heads: Vec<&Promotion> = Vec::new();
        for promotion in self.iter() {
            match heads.iter().position(|head| head.hash == promotion.hash) {
                Some(position) => heads.truncate(position + 1),
                None => heads.push(promotion),
            }
        }
        heads
    }

    /// Returns the heads in effect that a rollback to a bundle takes out, oldest first. The rollback
    /// may already be the last move.
    pub fn taken_out(&self, hash: &Digest) -> Vec<&'a Promotion> {
        let before = self.before(hash);
        let mut heads = before.in_effect();
        heads.split_off(before.staying(&heads, hash))
    }

    /// Returns the bundles from which servers go back by a rollback to another one: the channel came
    /// to them after that one, and they are not in effect any more.
    pub fn undone(&self, hash: &Digest) -> BTreeSet<Digest> {
        let before = self.before(hash);
        let Some(earlier) = before.0.iter().rposition(|one| one.hash == *hash) else {
            return BTreeSet::new();
        };
        let mut heads = before.in_effect();
        heads.truncate(before.staying(&heads, hash));
        let mut undone: BTreeSet<_> = before.0[earlier + 1..].iter().map(|one| one.hash).collect();
        for head in heads {
            undone.remove(&head.hash);
        }
        undone
    }

    /// Returns the rollback that leads back from a bundle: the last one that took it out, or what that
    /// went to.
    pub fn way_back(&self, live: &Digest) -> Option<&'a Promotion> {
        let undoing = self.undoing_since(live);
        let mut way = *undoing.get(live)?;
        // Each comes after the one before, so this ends.
        while let Some(later) = undoing.get(&way.hash) {
            way = later;
        }
        Some(way)
    }

    /// Returns the last rollback from which servers go back that have a bundle, of each to which the
    /// channel did not come since. Those before the channel came to `first` are left out.
    fn undoing_since(&self, first: &Digest) -> BTreeMap<Digest, &'a Promotion> {
        let mut undoing = BTreeMap::new();
        let from = self.0.iter().position(|one| one.hash == *first);
        for at in from.unwrap_or(self.0.len())..self.0.len() {
            let to = self.0[at];
            undoing.remove(&to.hash);
            if to.action == Action::Rollback {
                let undone = Self(self.0[..=at].to_vec()).undone(&to.hash);
                undoing.extend(undone.into_iter().map(|hash| (hash, to)));
            }
        }
        undoing
    }

    /// Returns how a bundle first came to the channel: later times are rollbacks, and who rolled
    /// back to a fix is not its owner.
    pub fn first(&self, hash: &Digest) -> Option<&'a Promotion> {
        let is_it = |one: &&Promotion| one.hash == *hash && one.action == Action::Promote;
        self.iter().find(is_it)
    }

    /// Without the moves at the end that lead to a bundle.
    fn before(&self, hash: &Digest) -> Self {
        let last_other = self.0.iter().rposition(|one| one.hash != *hash);
        Self(self.0[..last_other.map_or(0, |last| last + 1)].to_vec())
    }

    /// Returns how many of the heads in effect stay after a rollback. A bundle that was taken out
    /// itself contains nothing that was promoted after it.
    fn staying(&self, heads: &[&Promotion], hash: &Digest) -> usize {
        if let Some(position) = heads.iter().position(|head| head.hash == *hash) {
            return position + 1;
        }
        let entry_of = |hash: &Digest| self.first(hash).map(|one| one.entry);
        let entry = entry_of(hash).unwrap_or(0);
        let is_later = |head: &&Promotion| entry_of(&head.hash).is_some_and(|at| at > entry);
        heads.iter().position(is_later).unwrap_or(heads.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Organisation, name, project};

    fn hash(letter: char) -> Digest {
        Digest::of(letter.to_string().as_bytes())
    }

    /// Moves `prod` to bundles named by letters, in order.
    fn moved(letters: &str) -> Organisation {
        let mut acme = Organisation::new();
        for letter in letters.chars() {
            if acme.state.release(&project(), &hash(letter)).is_none() {
                acme.publish(&project(), &letter.to_string());
            }
            assert!(
                acme.promote("prod", hash(letter), &["alice"])
                    .is_effective()
            );
        }
        acme
    }

    #[test]
    fn servers_go_back_from_what_is_taken_out_and_never_forward() {
        for (history, to, taken_out, go_back) in [
            ("abc", 'a', "bc", "bc"),
            ("abcb", 'a', "b", "bc"),
            // `c` was taken out before, which a server may have missed.
            ("abcad", 'b', "d", "cd"),
            ("abcad", 'c', "d", "d"),
            // `b` is new to a server that has `a`, and contains it.
            ("aba", 'b', "", ""),
        ] {
            // The same once the rollback is in the log.
            for acme in [moved(history), moved(&format!("{history}{to}"))] {
                let moves = acme.state.moves(&project(), &name("prod"));
                let letters = |is: &dyn Fn(&Digest) -> bool| -> String {
                    "abcd".chars().filter(|one| is(&hash(*one))).collect()
                };
                let gone = moves.taken_out(&hash(to));
                let found = letters(&|one| gone.iter().any(|head| head.hash == *one));
                assert_eq!(found, taken_out, "{history} to {to}");
                let undone = moves.undone(&hash(to));
                let found = letters(&|live| undone.contains(live));
                assert_eq!(found, go_back, "{history} to {to}");
            }
        }
    }

    /// The letter to which a server goes from another one.
    fn back(acme: &Organisation, live: char) -> Option<char> {
        let to = acme
            .state
            .way_back(&project(), &name("prod"), &hash(live))?;
        "abcdef".chars().find(|one| hash(*one) == to.hash)
    }

    #[test]
    fn what_was_taken_out_stays_so_whatever_is_promoted_afterwards() {
        for (history, live, to) in [
            // A plain promotion takes nothing out.
            ("abc", 'b', None),
            ("abac", 'b', Some('a')),
            ("abcad", 'b', Some('a')),
            ("abcad", 'c', Some('a')),
            ("abcad", 'a', None),
            ("abcad", 'd', None),
            ("abcad", 'x', None),
            // Two rollbacks in a row, and one of them of what the other went to.
            ("abcbd", 'c', Some('b')),
            ("abcbad", 'c', Some('a')),
            ("abcbad", 'b', Some('a')),
            ("abcbdbaef", 'd', Some('a')),
            // It is there again.
            ("ababc", 'b', None),
            // Another one that was taken out is there again, and does not contain it.
            ("abcacd", 'b', Some('a')),
            ("abcadbe", 'd', Some('b')),
        ] {
            assert_eq!(back(&moved(history), live), to, "{live} after {history}");
        }
    }

    #[test]
    fn the_way_back_is_the_head_of_then_with_its_word_about_windows() {
        let mut acme = moved("ab");
        let mut patient = acme.draft("prod", hash('a'));
        patient.predicate.urgent = Some(false);
        assert!(acme.append_promotion(&patient, &["alice"]).is_effective());
        let then = acme.state.head(&project(), &name("prod")).unwrap().clone();
        acme.publish(&project(), "c");
        let verdict = acme.promote("prod", hash('c'), &["bob"]);
        assert!(verdict.is_effective());
        let found = acme.state.way_back(&project(), &name("prod"), &hash('b'));
        assert_eq!(found, Some(then));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_way_leads_from_all_that_is_out_and_to_what_is_not(
            steps in prop::collection::vec(0..6_usize, 1..14)
        ) {
            let (mut history, mut out) = (String::new(), BTreeSet::new());
            for step in steps {
                let letter = char::from(b'a' + u8::try_from(step).unwrap());
                if history.ends_with(letter) {
                    continue;
                }
                let is_rollback = history.contains(letter);
                history.push(letter);
                if is_rollback {
                    let acme = moved(&history);
                    let moves = acme.state.moves(&project(), &name("prod"));
                    out.extend(moves.undone(&hash(letter)));
                }
                out.remove(&hash(letter));
            }
            let acme = moved(&history);
            for live in history.chars() {
                let to = back(&acme, live);
                prop_assert_eq!(to.is_some(), out.contains(&hash(live)), "{} after {}", live, history);
                prop_assert!(to.is_none_or(|to| !out.contains(&hash(to))), "{} after {}", live, history);
            }
        }
    }
}
