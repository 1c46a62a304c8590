//! Replay: the only judge of a log.
//!
//! Entry `i` is judged by the state after the entries before it, never by a clock: whose keys
//! count, which thresholds hold and what is revoked is decided by position. An entry that breaks
//! any rule is inert: it is a leaf of the tree and changes nothing else. All clients of all ages
//! must come to the same state, so a rule here changes only with a new type of statement.
//!
//! A later version of the policy stops the replay ([`ReplayError`]) when the root of the policy in
//! effect signed it: what comes after it cannot be judged by rules that it may have replaced. What
//! anybody else calls a policy of a later version is inert.

use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::envelope::SignedEnvelope;
use crate::merkle::leaf_hash;
use crate::state::{Effect, LogState};
use crate::statement::{Statement, is_later_policy};

mod admit;
mod policy;
mod promotion;
mod reason;
mod release;
mod revocation;
mod signers;

pub use admit::{Admitted, Submission};
pub use reason::{Reason, ScopePart};
use signers::Signed;

/// What an entry did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It changed the state.
    Effective,
    /// It broke a rule and changed nothing.
    Inert(Reason),
}

impl Verdict {
    /// Tells whether the entry changed the state.
    pub const fn is_effective(&self) -> bool {
        matches!(self, Self::Effective)
    }
}

/// Why a log cannot be judged to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A policy of a version that this program does not know.
    #[error("entry {entry} of the log is a policy of the unknown type {payload_type:?}")]
    LaterPolicy {
        /// The entry.
        entry: u64,
        /// Its payload type.
        payload_type: String,
    },
}

impl Outcome for ReplayError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        Some("the log needs a newer version of bulla; install it first".to_owned())
    }
}

/// An entry with everything its rules need.
pub(crate) struct Entry<'a> {
    /// Its index in the log.
    index: u64,
    /// The state after all entries before it.
    before: &'a LogState,
    envelope: &'a SignedEnvelope,
}

impl Entry<'_> {
    /// Returns who signed, by the policy in effect here.
    fn signed(&self) -> Result<Signed<'_>, Reason> {
        let policy = self.before.checked_policy().ok_or(Reason::NoPolicy)?;
        Signed::under(policy, self.envelope)
    }

    fn payload_digest(&self) -> Digest {
        Digest::of(self.envelope.payload())
    }
}

/// Appends entries to a state and tells what each of them did.
pub fn replay<'a>(
    mut state: LogState,
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(LogState, Vec<Verdict>), ReplayError> {
    let mut verdicts = Vec::new();
    for entry in entries {
        verdicts.push(step(&mut state, entry, leaf_hash(entry))?);
    }
    Ok((state, verdicts))
}

/// Appends one entry, whose leaf hash is known. An entry that stops the replay changes nothing.
pub(crate) fn step(
    state: &mut LogState,
    entry: &[u8],
    leaf: Digest,
) -> Result<Verdict, ReplayError> {
    let verdict = match judge(state, entry)? {
        Ok(effect) => {
            state.apply(effect);
            Verdict::Effective
        }
        Err(reason) => Verdict::Inert(reason),
    };
    state.push(leaf);
    Ok(verdict)
}

impl LogState {
    /// Tells what an entry would do if it were the next one.
    pub fn judge(&self, entry: &[u8]) -> Result<Verdict, ReplayError> {
        Ok(match judge(self, entry)? {
            Ok(_) => Verdict::Effective,
            Err(reason) => Verdict::Inert(reason),
        })
    }
}

fn judge(before: &LogState, entry: &[u8]) -> Result<Result<Effect, Reason>, ReplayError> {
    let envelope = match SignedEnvelope::from_bytes(entry) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(Err(error.into())),
    };
    let entry = Entry {
        index: before.size(),
        before,
        envelope: &envelope,
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
    Ok(
        match Statement::parse(envelope.payload_type(), envelope.payload()) {
            Ok(statement) => judge_statement(&entry, &statement),
            Err(error) => Err(error.into()),
        },
    )
}

fn judge_statement(entry: &Entry<'_>, statement: &Statement) -> Result<Effect, Reason> {
    match statement {
        Statement::Policy(policy) => policy::judge(entry, policy),
        Statement::Release(release) => release::judge(entry, &entry.signed()?, release),
        Statement::Promotion(promotion) => promotion::judge(entry, &entry.signed()?, promotion),
        Statement::Revocation(revocation) => revocation::judge(entry, &entry.signed()?, revocation),
    }
}
