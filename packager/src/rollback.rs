//! What a channel can go back to.

use bulla_schemas::statement::{Action, Severity};
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::{LogState, Promotion};

/// Returns the earlier heads of a channel that are not revoked, the latest first, each with the
/// last promotion that pointed to it.
pub fn candidates<'a>(
    state: &'a LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Vec<&'a Promotion> {
    let head = state.head(project, channel).map(|head| head.hash);
    let mut candidates: Vec<&Promotion> = Vec::new();
    for promotion in of_channel(state, project, channel).rev() {
        let hash = promotion.hash;
        let is_known = candidates.iter().any(|known| known.hash == hash);
        if Some(hash) != head && !is_known && !is_revoked(state, project, &hash) {
            candidates.push(promotion);
        }
    }
    candidates
}

/// Returns what the channel pointed to before its present head was promoted, or before that when
/// it is revoked. Going back twice goes back two releases, and never forward to one that was
/// rolled back.
pub fn head_before(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Option<Digest> {
    let mut hash = state.head(project, channel)?.hash;
    let mut past: Vec<_> = of_channel(state, project, channel).collect();
    loop {
        // A bundle is promoted to a channel once; every later time is a rollback.
        let promoted =
            |promotion: &&Promotion| promotion.hash == hash && promotion.action == Action::Promote;
        past.truncate(past.iter().position(promoted)?);
        hash = past.last()?.hash;
        if !is_revoked(state, project, &hash) {
            return Some(hash);
        }
    }
}

fn of_channel<'a>(
    state: &'a LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> impl DoubleEndedIterator<Item = &'a Promotion> {
    let all = state.promotions(project);
    all.filter(move |promotion| promotion.channel == *channel)
}

fn is_revoked(state: &LogState, project: &ProjectName, hash: &Digest) -> bool {
    state.revocation(project, hash) == Some(Severity::Block)
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, name, project};

    use super::*;

    /// Moves `prod` to bundles named by letters, in order.
    fn moved(letters: &str) -> Organisation {
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

    fn hash(letter: char) -> Digest {
        Digest::of(letter.to_string().as_bytes())
    }

    fn before(organisation: &Organisation) -> Option<Digest> {
        head_before(&organisation.state, &project(), &name("prod"))
    }

    #[test]
    fn goes_back_step_by_step_and_never_forward() {
        for (history, expected) in [
            ("a", None),
            ("ab", Some('a')),
            ("abc", Some('b')),
            ("abcb", Some('a')),
            ("aba", None),
            ("abac", Some('a')),
            ("abcad", Some('a')),
        ] {
            assert_eq!(before(&moved(history)), expected.map(hash), "{history}");
        }
    }

    #[test]
    fn leaves_out_what_was_revoked() {
        let mut organisation = moved("abc");
        let verdict = organisation.revoke(hash('b'), Severity::Block, "alice");
        assert!(verdict.is_effective(), "{verdict:?}");
        assert_eq!(before(&organisation), Some(hash('a')));
        let state = &organisation.state;
        let candidates = candidates(state, &project(), &name("prod"));
        let hashes: Vec<_> = candidates.iter().map(|candidate| candidate.hash).collect();
        assert_eq!(hashes, [hash('a')]);
    }

    #[test]
    fn lists_each_earlier_head_once_the_latest_first() {
        let organisation = moved("abcab");
        let state = &organisation.state;
        let candidates = candidates(state, &project(), &name("prod"));
        let seen: Vec<_> = candidates.iter().map(|c| (c.hash, c.seq)).collect();
        assert_eq!(seen, [(hash('a'), 4), (hash('c'), 3)]);
    }

    #[test]
    fn a_channel_that_points_to_nothing_has_nothing_before() {
        let organisation = Organisation::new();
        assert_eq!(before(&organisation), None);
        let candidates = candidates(&organisation.state, &project(), &name("prod"));
        assert!(candidates.is_empty());
    }
}
