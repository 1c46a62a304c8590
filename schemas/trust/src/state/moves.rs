//! The moves of a channel, and which of its heads are in effect: a rollback takes out what the
//! channel came to since.

use std::collections::BTreeSet;

use bulla_schemas::statement::Action;
use bulla_schemas::{ChannelName, Digest, ProjectName};

use super::entries::Promotion;
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
}
