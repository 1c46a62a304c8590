//! Going back: which earlier heads a channel has, which of them is the one before, and what going
//! there takes out.
//!
//! ```text
//!   promote a, promote b, promote c     heads in effect: a b c
//!   rollback to a                                        a        b and c were taken out
//!   promote d                                            a d      the one before is a
//! ```

mod servers;

use bulla_registry_client::Client;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::report::Dropped;
use bulla_schemas::statement::Severity;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::{LogState, Promotion};

use crate::drop::{self, Loss};
use crate::promote::{self, Prepared, PromoteError};
use crate::proposal::Proposal;
use crate::resolve::{self, ReleaseName, ResolveError};
use crate::ssh::PersonalKey;

pub use servers::ask as ask_servers;

/// Why a channel cannot go back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// No head before the present one is left.
    #[error("`{channel}` of {project} has no head to go back to: {}", nothing_before(*.has_others))]
    NothingBefore {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// Whether it pointed to other releases, which were rolled back or revoked.
        has_others: bool,
    },
    /// The release was never the head.
    #[error("`{channel}` of {project} never pointed to {hash}")]
    NeverHead {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The release.
        hash: Digest,
    },
    /// The name leads nowhere.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

impl Outcome for RollbackError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NothingBefore { .. } | Self::NeverHead { .. } => FailureKind::Refused,
            Self::Resolve(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NothingBefore {
                has_others: true,
                channel,
                ..
            } => Some(format!(
                "`bulla rollback {channel} --list` shows them; choose one with --to HASH"
            )),
            Self::NothingBefore { .. } => Some("promote another release".to_owned()),
            Self::NeverHead { hash, channel, .. } => Some(format!(
                "`bulla promote {} {channel} -m TEXT` would point it there for the first time",
                hash.short()
            )),
            Self::Resolve(error) => error.hint(),
        }
    }
}

const fn nothing_before(has_others: bool) -> &'static str {
    if has_others {
        "every earlier one was rolled back or revoked"
    } else {
        "it pointed to nothing before"
    }
}

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

/// Returns the newest head before the present one that was neither rolled back nor revoked. Going
/// back twice goes back two releases, and never forward to one that was rolled back.
pub fn head_before(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Option<Digest> {
    let heads = state.moves(project, channel).in_effect();
    let mut earlier = heads.iter().rev().skip(1).map(|head| head.hash);
    earlier.find(|hash| !is_revoked(state, project, hash))
}

/// Returns where a rollback goes: to the earlier head that was named, else to the one before.
pub fn target(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
    named: Option<&ReleaseName>,
) -> Result<Digest, RollbackError> {
    resolve::head(state, project, channel)?;
    let place = || (project.clone(), channel.clone());
    let Some(name) = named else {
        return head_before(state, project, channel).ok_or_else(|| {
            let (project, channel) = place();
            RollbackError::NothingBefore {
                has_others: !candidates(state, &project, &channel).is_empty(),
                project,
                channel,
            }
        });
    };
    let (_, hash) = resolve::find(state, Some(project), name)?;
    if state.was_head(project, channel, &hash) {
        return Ok(hash);
    }
    let (project, channel) = place();
    Err(RollbackError::NeverHead {
        project,
        channel,
        hash,
    })
}

/// Finds out what a rollback would do, and refuses one that could not take effect. Taking releases
/// out is what it is for, so the loss is told and never refused.
pub async fn prepare(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
    signer: Option<&PersonalKey>,
) -> Result<Prepared, PromoteError> {
    promote::check(state, proposal, signer)?;
    let bundles = Box::pin(promote::fetch(client, state, proposal)).await?;
    let dropped = taken_out(state, proposal);
    Ok(Prepared {
        preview: promote::compare(state, proposal, bundles)?,
        loss: if dropped.is_empty() {
            Loss::Nothing
        } else {
            Loss::Revisions {
                dropped,
                commits: None,
            }
        },
    })
}

/// Returns what is live and would not be any more, the latest first.
fn taken_out(state: &LogState, proposal: &Proposal) -> Vec<Dropped> {
    let moves = state.moves(&proposal.project, &proposal.channel);
    let heads = moves.taken_out(&proposal.hash);
    let latest_first = heads.iter().rev();
    let promoted = |head: &&Promotion| drop::promoted(state, proposal, &head.hash);
    latest_first.filter_map(promoted).collect()
}

fn is_revoked(state: &LogState, project: &ProjectName, hash: &Digest) -> bool {
    state.revocation(project, hash) == Some(Severity::Block)
}

#[cfg(test)]
mod tests {
    use bulla_schemas::statement::Action;
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
            // Forward again to what was rolled back, which does not bring back the rest.
            ("abcac", Some('a')),
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
        assert_eq!(before(&organisation), None);
        let candidates = candidates(&organisation.state, &project(), &name("prod"));
        assert!(candidates.is_empty());
    }

    #[test]
    fn names_what_is_live_and_goes_and_not_what_went_before() {
        for (history, to, expected) in [
            ("abc", 'a', "cb"),
            ("abcb", 'a', "b"),
            ("abcad", 'a', "d"),
            // Forward again: `c` contains what it was promoted over.
            ("abca", 'c', ""),
            ("abcad", 'c', "d"),
        ] {
            let organisation = moved(history);
            let proposal = Proposal {
                project: project(),
                channel: name("prod"),
                hash: hash(to),
                reason: "because".to_owned(),
                issued_at: bulla_trust::testing::time(0),
                waves: None,
                urgent: None,
            };
            let dropped = taken_out(&organisation.state, &proposal);
            let found: Vec<_> = dropped.iter().map(|dropped| dropped.hash).collect();
            let expected: Vec<_> = expected.chars().map(hash).collect();
            assert_eq!(found, expected, "{history} to {to}");
        }
    }

    #[test]
    fn a_named_head_must_have_been_one() {
        let mut organisation = moved("ab");
        let never = organisation.publish(&project(), "never");
        let target = |state: &LogState, named: Option<Digest>| {
            let prefix = named.map(|hash| name(&hash.to_string()));
            target(state, &project(), &name("prod"), prefix.as_ref())
        };
        let state = &organisation.state;
        assert_eq!(target(state, None).unwrap(), hash('a'));
        assert_eq!(target(state, Some(hash('b'))).unwrap(), hash('b'));
        let error = target(state, Some(never)).unwrap_err();
        assert!(matches!(error, RollbackError::NeverHead { .. }), "{error}");
        let error = target(&moved("aba").state, None).unwrap_err();
        assert!(
            error.to_string().contains("rolled back or revoked"),
            "{error}"
        );
        let error = target(&moved("a").state, None).unwrap_err();
        assert!(error.to_string().contains("nothing before"), "{error}");
    }
}
