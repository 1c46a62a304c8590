//! Which of the statements that wait for signatures is meant.

use bulla_registry_client::Client;
use bulla_schemas::log::LogPosition;
use bulla_schemas::policy::Policy;
use bulla_schemas::statement::PromotionPredicate;
use bulla_schemas::{Digest, DigestPrefix, Timestamp};
use bulla_trust::{LogState, Statement};

use super::{Pending, PendingError, Progress, fetch, needed};

/// Finds what is named by the beginning of its id.
pub async fn by_id(
    client: &Client,
    state: &LogState,
    id: &DigestPrefix,
) -> Result<Pending, PendingError> {
    let proposals = client.proposals().await?;
    let mut found = proposals.iter().filter(|one| id.matches(&one.id));
    let unknown = || PendingError::Unknown { id: id.clone() };
    let first = found.next().ok_or_else(unknown)?;
    let others: Vec<Digest> = found.map(|one| one.id).collect();
    if !others.is_empty() {
        return Err(PendingError::Ambiguous {
            id: id.clone(),
            found: [&[first.id], &others[..]].concat(),
        });
    }
    Pending::verify(state, first)
}

/// Finds a statement that says the same and can take effect. Where one signature is enough there is
/// none, and the registry is not asked.
pub async fn same(
    client: &Client,
    state: &LogState,
    statement: &Statement,
) -> Result<Option<Pending>, PendingError> {
    if needed(state, statement) < 2 {
        return Ok(None);
    }
    let pending = fetch(client, state).await?;
    let mut open = pending.into_iter().flatten();
    Ok(open.find(|one| {
        let is_open = matches!(one.state, Progress::Open(_) | Progress::Complete(_));
        is_open && says_the_same(one.statement(), statement)
    }))
}

/// Tells whether two statements do the same at the same place, whatever was said about it and when.
pub(super) fn says_the_same(one: &Statement, other: &Statement) -> bool {
    match (one, other) {
        (Statement::Promotion(one), Statement::Promotion(other)) => {
            one.subject == other.subject && deed(&one.predicate) == deed(&other.predicate)
        }
        (Statement::Policy(one), Statement::Policy(other)) => document(one) == document(other),
        _ => false,
    }
}

fn deed(predicate: &PromotionPredicate) -> PromotionPredicate {
    PromotionPredicate {
        reason: String::new(),
        issued_at: Timestamp::EPOCH,
        log: nowhere(),
        ..predicate.clone()
    }
}

fn document(policy: &Policy) -> Policy {
    Policy {
        log: nowhere(),
        ..policy.clone()
    }
}

fn nowhere() -> LogPosition {
    LogPosition {
        size: 0,
        root: Digest::from_bytes([0; 32]),
    }
}
