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
