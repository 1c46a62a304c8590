//! Going back: where to, and what going there takes out.

mod error;
mod heads;
mod servers;
mod target;

use bulla_registry_client::Client;
use bulla_schemas::report::Dropped;
use bulla_trust::{LogState, Promotion};

use crate::drop::{self, Loss};
use crate::promote::{self, Prepared, PromoteError};
use crate::proposal::Proposal;
use crate::ssh::PersonalKey;

pub use error::RollbackError;
pub use heads::{Candidate, candidates, heads_before};
pub use servers::ask as ask_servers;
pub use target::{Target, find as find_target};

/// Finds out what a rollback would do, and refuses one that could not take effect. Taking releases
/// out is what it is for, so the loss is told and never refused. What the registry does not have is
/// refused, too, unless a person says `despite_missing`: servers may have it on their disks.
pub async fn prepare(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
    signer: Option<&PersonalKey>,
    despite_missing: bool,
) -> Result<Prepared, PromoteError> {
    promote::check(state, proposal, signer)?;
    if !despite_missing {
        promote::require_bundle(client, state, proposal).await?;
    }
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

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{name, project};

    use super::heads::tests::{hash, moved};
    use super::*;

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
}
