//! Which earlier heads a channel has, and which of them a rollback without a name means.
//!
//! ```text
//!   promote a, promote b, promote c     heads in effect: a b c
//!   rollback to a                                        a        b and c were taken out
//!   promote d                                            a d      the one before is a
//! ```

use bulla_schemas::statement::Severity;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::{LogState, Promotion};

/// An earlier head of a channel.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The last promotion that pointed to it.
    pub promotion: &'a Promotion,
    /// The one by which the channel left it.
    pub left: &'a Promotion,
}

/// Returns the earlier heads of a channel that are not revoked, the latest first.
pub fn candidates<'a>(
    state: &'a LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Vec<Candidate<'a>> {
    let moves = state.moves(project, channel);
    let mut promotions = moves.iter().rev();
    let Some(mut left) = promotions.next() else {
        return Vec::new();
    };
    let head = left.hash;
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for promotion in promotions {
        let hash = promotion.hash;
        let is_known = candidates.iter().any(|known| known.promotion.hash == hash);
        if hash != head && !is_known && !is_revoked(state, project, &hash) {
            candidates.push(Candidate { promotion, left });
        }
        left = promotion;
    }
    candidates
}

/// Returns the heads before the present one that were neither rolled back nor revoked, the latest
/// first. Going back twice goes back two releases, and never forward to one that was rolled back.
pub fn heads_before(state: &LogState, project: &ProjectName, channel: &ChannelName) -> Vec<Digest> {
    let heads = state.moves(project, channel).in_effect();
    let earlier = heads.iter().rev().skip(1).map(|head| head.hash);
    earlier
        .filter(|hash| !is_revoked(state, project, hash))
        .collect()
}

fn is_revoked(state: &LogState, project: &ProjectName, hash: &Digest) -> bool {
    state.revocation(project, hash) == Some(Severity::Block)
}

#[cfg(test)]
pub(super) mod tests {
    use bulla_schemas::statement::Action;
    use bulla_trust::testing::{Organisation, name, project};

    use super::*;

    /// Moves `prod` to bundles named by letters, in order.
    pub(in crate::rollback) fn moved(letters: &str) -> Organisation {
        let mut organisation = Organisation::new();
        for letter in letters.chars() {
            let hash = hash(letter);
            if organisation.state.release(&project(), &hash).is_none() {
                organisation.publish(&project(), &letter.to_string());
            }
            let verdict = organisation.promote("prod", hash, &["alice"]);
            assert!(verdict.is_effective(), "{verdict:?}");
        }
        organisation
    }

    pub(in crate::rollback) fn hash(letter: char) -> Digest {
        Digest::of(letter.to_string().as_bytes())
    }

    fn before(organisation: &Organisation) -> Vec<Digest> {
        heads_before(&organisation.state, &project(), &name("prod"))
    }

    #[test]
    fn goes_back_step_by_step_and_never_forward() {
        for (history, expected) in [
            ("a", ""),
            ("ab", "a"),
            ("abc", "ba"),
            ("abcb", "a"),
            ("aba", ""),
            ("abac", "a"),
            ("abcad", "a"),
            // Forward again to what was rolled back, which does not bring back the rest.
            ("abcac", "a"),
        ] {
            let expected: Vec<_> = expected.chars().map(hash).collect();
            assert_eq!(before(&moved(history)), expected, "{history}");
        }
    }

    #[test]
    fn leaves_out_what_was_revoked() {
        let mut organisation = moved("abc");
        let verdict = organisation.revoke(hash('b'), Severity::Block, "alice");
        assert!(verdict.is_effective(), "{verdict:?}");
        assert_eq!(before(&organisation), [hash('a')]);
        let state = &organisation.state;
        let candidates = candidates(state, &project(), &name("prod"));
        let hashes: Vec<_> = candidates.iter().map(|one| one.promotion.hash).collect();
        assert_eq!(hashes, [hash('a')]);
    }

    #[test]
    fn lists_each_earlier_head_once_the_latest_first() {
        let organisation = moved("abcab");
        let state = &organisation.state;
        let candidates = candidates(state, &project(), &name("prod"));
        let seen: Vec<_> = candidates
            .iter()
            .map(|one| (one.promotion.hash, one.promotion.seq))
            .collect();
        assert_eq!(seen, [(hash('a'), 4), (hash('c'), 3)]);
    }

    #[test]
    fn says_by_which_move_of_the_channel_each_earlier_head_was_left_last() {
        // `c` was rolled back, `a` was left for `b` when the channel came forward again.
        let organisation = moved("abcab");
        let candidates = candidates(&organisation.state, &project(), &name("prod"));
        let left: Vec<_> = candidates
            .iter()
            .map(|one| {
                (
                    one.promotion.hash,
                    one.left.hash,
                    one.left.seq,
                    one.left.action,
                )
            })
            .collect();
        let expected = [
            (hash('a'), hash('b'), 5, Action::Rollback),
            (hash('c'), hash('a'), 4, Action::Rollback),
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn a_channel_that_points_to_nothing_has_nothing_before() {
        let organisation = Organisation::new();
        assert_eq!(before(&organisation), []);
        let candidates = candidates(&organisation.state, &project(), &name("prod"));
        assert!(candidates.is_empty());
    }
}
