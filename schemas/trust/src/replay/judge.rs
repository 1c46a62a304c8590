//! One entry against the rule of its statement.

use super::ahead::{Content, ReadEntry};
use super::entry::Entry;
use super::reason::Reason;
use super::verdict::ReplayError;
use super::{policy, promotion, release, revocation};
use crate::state::{Effect, LogState};
use crate::statement::{Statement, is_later_policy};

pub(super) fn judge(
    before: &LogState,
    entry: &ReadEntry,
) -> Result<Result<Effect, Reason>, ReplayError> {
    let Content {
        envelope,
        statement,
        verified,
    } = match &entry.content {
        Ok(content) => content,
        Err(error) => return Ok(Err(error.clone().into())),
    };
    let entry = Entry {
        index: before.size(),
        before,
        envelope,
        verified,
    };
    if is_later_policy(envelope.payload_type()) {
        return match policy::check_later(&entry) {
            Ok(()) => Err(ReplayError::LaterPolicy {
                entry: entry.index,
                payload_type: envelope.payload_type().to_owned(),
            }),
            Err(reason) => Ok(Err(reason)),
        };
    }
    Ok(match statement {
        Ok(statement) => judge_statement(&entry, statement),
        Err(error) => Err(error.clone().into()),
    })
}

pub(super) fn judge_statement(entry: &Entry<'_>, statement: &Statement) -> Result<Effect, Reason> {
    match statement {
        Statement::Policy(policy) => policy::judge(entry, policy),
        Statement::Release(release) => release::judge(entry, &entry.signed()?, release),
        Statement::Promotion(promotion) => promotion::judge(entry, &entry.signed()?, promotion),
        Statement::Revocation(revocation) => revocation::judge(entry, &entry.signed()?, revocation),
    }
}
