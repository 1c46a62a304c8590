//! What a change of the policy would end of what waits for signatures.

use bulla_registry_client::Client;
use bulla_schemas::policy::Policy;
use bulla_trust::{LogState, Statement};

use super::find::says_the_same;
use super::{Pending, PendingError, Progress, fetch};
use crate::sign::SignError;

/// Finds what could not take effect any more once a policy is in effect. What says the same as it is not
/// ended, but done.
pub async fn by(
    client: &Client,
    state: &LogState,
    next: &Policy,
) -> Result<Vec<Pending>, PendingError> {
    let own = Statement::Policy(Box::new(next.clone()));
    let mut voided = Vec::new();
    for pending in fetch(client, state).await?.into_iter().flatten() {
        let is_open = matches!(pending.state, Progress::Open(_) | Progress::Complete(_));
        if !is_open || says_the_same(pending.statement(), &own) {
            continue;
        }
        let why = state.voided_by(next, &pending.submission);
        if why.map_err(SignError::Ineffective)?.is_some() {
            voided.push(pending);
        }
    }
    Ok(voided)
}
