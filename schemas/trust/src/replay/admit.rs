//! Admission: what a registry does with an envelope before it becomes an entry of its log. The
//! envelope is read once and its signatures are checked once.
//!
//! Only what would have an effect is admitted, and nothing is admitted twice: the log itself is
//! the memory of what has been said, however an envelope around it is put together again. Replay
//! passes over signatures by keys that the policy does not know; here they are refused, because
//! anybody could add them to what others signed.

use bulla_schemas::Digest;

use super::entry::Entry;
use super::judge::judge_statement;
use super::reason::Reason;
use crate::envelope::SignedEnvelope;
use crate::merkle::leaf_hash;
use crate::policy::CheckedPolicy;
use crate::state::LogState;
use crate::statement::Statement;

/// An envelope that somebody wants in the log: read, and not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    bytes: Vec<u8>,
    envelope: SignedEnvelope,
    statement: Statement,
}

/// Where a submitted statement stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It is the new last entry.
    New {
        /// The entry.
        entry: u64,
    },
    /// It was in the log already.
    Known {
        /// The entry.
        entry: u64,
    },
}

impl Submission {
    /// Reads an envelope and what it says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Reason> {
        Self::of(SignedEnvelope::from_bytes(bytes)?)
    }

    /// Takes an envelope that was put together, and reads what it says.
    pub fn of(envelope: SignedEnvelope) -> Result<Self, Reason> {
        let statement = Statement::parse(envelope.payload_type(), envelope.payload())?;
        Ok(Self {
            bytes: envelope.to_bytes(),
            envelope,
            statement,
        })
    }

    /// Returns the envelope's bytes, which become the entry.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the envelope.
    pub const fn envelope(&self) -> &SignedEnvelope {
        &self.envelope
    }

    /// Returns what the envelope says.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }
}

impl LogState {
    /// Appends a submitted envelope if it has an effect, or tells where its statement stands. A
    /// refusal changes nothing.
    pub fn admit(&mut self, submission: &Submission) -> Result<Admitted, Reason> {
        if let Some(entry) = self.entry_of(submission) {
            return Ok(Admitted::Known { entry });
        }
        let entry = Entry {
            index: self.size(),
            before: self,
            envelope: &submission.envelope,
            verified: &[],
        };
        check_keys(&entry, &submission.statement)?;
        let effect = match judge_statement(&entry, &submission.statement) {
            Err(Reason::Repeated { entry }) => return Ok(Admitted::Known { entry }),
            judged => judged?,
        };
        let entry = self.size();
        self.apply(effect);
        self.push(leaf_hash(&submission.bytes));
        Ok(Admitted::New { entry })
    }

    /// Returns the entry that a statement of people stands in. Releases are not looked for: more
    /// than one builder can make the same statement.
    pub(super) fn entry_of(&self, submission: &Submission) -> Option<u64> {
        let payload = Digest::of(submission.envelope.payload());
        match &submission.statement {
            Statement::Policy(_) => self
                .policies()
                .find(|version| version.payload == submission.envelope.payload())
                .map(|version| version.entry),
            Statement::Release(_) => None,
            Statement::Promotion(promotion) => {
                let said = &promotion.predicate;
                let head = self.head(&said.project, &said.channel);
                // A number that the channel has not come to stands in no entry.
                if said.seq > head.map_or(0, |head| head.last_seq) {
                    return None;
                }
                self.promotions(&said.project)
                    .rfind(|promotion| promotion.payload == payload)
                    .map(|promotion| promotion.entry)
            }
            Statement::Revocation(revocation) => self
                .revocations(&revocation.subject[0].name)
                .rfind(|revocation| revocation.payload == payload)
                .map(|revocation| revocation.entry),
        }
    }
}

/// Refuses signatures by keys that neither the policy in effect nor the one in the envelope knows.
pub(super) fn check_keys(entry: &Entry<'_>, statement: &Statement) -> Result<(), Reason> {
    let new = match statement {
        Statement::Policy(policy) => Some(CheckedPolicy::new((**policy).clone())?),
        _ => None,
    };
    let policies = [entry.before.checked_policy(), new.as_ref()];
    let is_known = |key_id: &str| {
        let mut policies = policies.iter().flatten();
        policies.any(|policy| policy.key(key_id).is_some())
    };
    let mut signatures = entry.envelope.signatures().iter();
    match signatures.find(|signature| !is_known(&signature.key_id)) {
        Some(unknown) => Err(Reason::UnknownKey {
            key_id: unknown.key_id.clone(),
        }),
        None => Ok(()),
    }
}
