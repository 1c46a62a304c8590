//! Approval: how far people have come with signing what needs several of them. A statement that lacks
//! nothing but signatures can be passed around until it has them; it is judged by the same code as an
//! entry of the log, and means nothing before.

use bulla_schemas::policy::Policy;

use super::admit::{Submission, check_keys};
use super::entry::Entry;
use super::judge::judge_statement;
use super::reason::Reason;
use super::tally::Tally;
use super::{policy, promotion};
use crate::merkle::leaf_hash;
use crate::policy::CheckedPolicy;
use crate::state::{Effect, LogState, PolicyVersion};
use crate::statement::{self, Statement};

/// How far a statement is from taking effect as the next entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// It is in the log.
    Known {
        /// The entry.
        entry: u64,
    },
    /// Enough people signed it.
    Complete(Vec<Tally>),
    /// It would take effect, but for signatures that are still to come.
    Lacking(Vec<Tally>),
}

/// The policies whose people decide about a statement, and how far those of each have come.
type Counted = (Vec<CheckedPolicy>, Vec<Tally>);

impl LogState {
    /// Tells how far people have come with signing a statement. Whatever else is wrong with it is an
    /// error, and so is a signature of somebody who does not decide about it: anybody could add such
    /// signatures, until there is no room for those that count.
    pub fn approval(&self, submission: &Submission) -> Result<Approval, Reason> {
        if let Some(entry) = self.entry_of(submission) {
            return Ok(Approval::Known { entry });
        }
        let entry = self.next_entry(submission);
        check_keys(&entry, submission.statement())?;
        let Some((policies, tallies)) = self.tallies(&entry, submission.statement())? else {
            judge_statement(&entry, submission.statement())?;
            return Ok(Approval::Complete(Vec::new()));
        };
        for signature in submission.envelope().signatures() {
            check_counts(&policies, &tallies, &signature.key_id)?;
        }
        Ok(if tallies.iter().all(Tally::is_met) {
            Approval::Complete(tallies)
        } else {
            Approval::Lacking(tallies)
        })
    }

    /// Leaves the signatures out that count for nothing by now: others may have been taken out of the
    /// policy since they signed.
    pub fn counted(&self, submission: &Submission) -> Result<Submission, Reason> {
        let entry = self.next_entry(submission);
        let Some((policies, tallies)) = self.tallies(&entry, submission.statement())? else {
            return Ok(submission.clone());
        };
        let envelope = submission.envelope();
        let counts = |key_id: &str| check_counts(&policies, &tallies, key_id).is_ok();
        if !envelope.signatures().iter().any(|one| counts(&one.key_id)) {
            let first = &envelope.signatures()[0];
            check_counts(&policies, &tallies, &first.key_id)?;
        }
        Submission::of(envelope.signed_by(counts)?)
    }

    /// Tells why a statement that waits could not take effect any more once a policy is in effect,
    /// whoever has signed that by then; nothing where it still could.
    pub fn voided_by(&self, next: &Policy, waiting: &Submission) -> Result<Option<Reason>, Reason> {
        let payload = statement::to_payload(next);
        let leaf = leaf_hash(&payload);
        let mut after = self.clone();
        after.apply(Effect::Policy(Box::new(PolicyVersion {
            entry: self.size(),
            checked: CheckedPolicy::new(next.clone())?,
            payload,
        })));
        after.push(leaf);
        let counted = after.counted(waiting);
        let judged = counted.and_then(|counted| after.approval(&counted));
        Ok(judged.err())
    }

    fn next_entry<'a>(&'a self, submission: &'a Submission) -> Entry<'a> {
        Entry {
            index: self.size(),
            before: self,
            envelope: submission.envelope(),
            verified: &[],
        }
    }

    /// Counts the signatures of a statement that several people may have to sign, each by the policy
    /// whose people decide; nothing for one that never needs more than one signature.
    fn tallies(&self, entry: &Entry<'_>, statement: &Statement) -> Result<Option<Counted>, Reason> {
        let current = self.checked_policy().ok_or(Reason::NoPolicy)?;
        Ok(match statement {
            Statement::Policy(next) => {
                let tallies = policy::tallies(entry, current, next)?;
                let next = CheckedPolicy::new((**next).clone())?;
                Some((vec![current.clone(), next], tallies.into()))
            }
            Statement::Promotion(promotion) => {
                let tally = promotion::tally(entry, &entry.signed()?, promotion)?;
                Some((vec![current.clone()], vec![tally]))
            }
            Statement::Release(_) | Statement::Revocation(_) => None,
        })
    }
}

/// Checks that a key belongs to somebody who decides.
fn check_counts(policies: &[CheckedPolicy], tallies: &[Tally], key_id: &str) -> Result<(), Reason> {
    let mut reason = Reason::UnknownKey {
        key_id: key_id.to_owned(),
    };
    for (policy, tally) in policies.iter().zip(tallies) {
        let Some((owner, _)) = policy.key(key_id) else {
            continue;
        };
        if tally.may.contains(owner.name()) {
            return Ok(());
        }
        reason = Reason::NotAsked {
            owner: owner.name().clone(),
            what: tally.what.clone(),
        };
    }
    Err(reason)
}
