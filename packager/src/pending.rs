//! Statements that wait for signatures, as this machine's own verified log judges them. The registry
//! only passes them around: what it says of them is believed of nothing that is signed.

mod error;
pub mod find;
mod progress;
mod report;
pub mod voided;

use bulla_registry_client::Client;
use bulla_schemas::api::Proposal;
use bulla_schemas::statement::Action;
use bulla_schemas::{Digest, Name, Timestamp};
use bulla_trust::{Approval, CheckedPolicy, LogState, Reason, Statement, Submission, Tally};

use crate::meanwhile::Meanwhile;

pub use error::PendingError;
pub use progress::{Progress, Void};

/// A statement that waits for signatures: its envelope is canonical, is the one that its id names, and
/// none of its signatures is a forged one.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The sha256 of its payload.
    pub id: Digest,
    /// The statement, and the signatures that count.
    pub submission: Submission,
    /// How far it has come.
    pub state: Progress,
    /// When it came, by the registry's clock.
    pub proposed_at: Timestamp,
    /// When the registry forgets it.
    pub expires_at: Timestamp,
    /// What the same person had proposed before, and gave its place to this one now.
    pub displaced: Vec<Digest>,
    proposed_by: Option<Name>,
    /// Whether it goes on after a pause, for which the log has no word of its own.
    goes_on: bool,
}

impl Pending {
    /// Verifies what the registry gives as a proposal.
    pub fn verify(state: &LogState, proposal: &Proposal) -> Result<Self, PendingError> {
        let id = proposal.id;
        let forged = |reason| PendingError::Forged { id, reason };
        let bytes = serde_json::to_vec(&proposal.envelope).unwrap_or_default();
        let submission = Submission::from_bytes(&bytes).map_err(forged)?;
        let found = Digest::of(submission.envelope().payload());
        if found != id {
            return Err(PendingError::OtherStatement { id, found });
        }
        let (submission, progress) = judge(state, submission);
        if let Progress::Void(Void::Inert(reason @ Reason::Signature { .. })) = progress {
            return Err(forged(reason));
        }
        let mut signatures = submission.envelope().signatures().iter();
        let has_proposer = signatures.any(|one| one.key_id == proposal.proposed_by);
        let proposer = has_proposer.then(|| owner(state, &submission, &proposal.proposed_by));
        Ok(Self {
            id,
            proposed_by: proposer.flatten(),
            goes_on: goes_on(state, submission.statement()),
            submission,
            state: progress,
            proposed_at: proposal.proposed_at,
            expires_at: proposal.expires_at,
            displaced: proposal.displaced.clone(),
        })
    }

    /// Judges it once more, by what the log says now.
    #[must_use]
    pub fn judged_again(&self, state: &LogState) -> Self {
        let (submission, progress) = judge(state, self.submission.clone());
        Self {
            submission,
            state: progress,
            ..self.clone()
        }
    }

    /// Returns what it says.
    pub const fn statement(&self) -> &Statement {
        self.submission.statement()
    }

    /// Returns who decides, and who has signed; nothing of what is over.
    pub fn tallies(&self) -> &[Tally] {
        match &self.state {
            Progress::Open(tallies) | Progress::Complete(tallies) => tallies,
            Progress::Done { .. } | Progress::Void(_) => &[],
        }
    }

    /// Tells whether a person's signature is among those that count.
    pub fn is_signed_by(&self, name: &Name) -> bool {
        self.tallies()
            .iter()
            .any(|tally| tally.signed.contains(name))
    }

    /// Tells whether a key's signature is in it.
    pub fn has_key(&self, fingerprint: &str) -> bool {
        let mut signatures = self.submission.envelope().signatures().iter();
        signatures.any(|one| one.key_id == fingerprint)
    }
}

/// Tells whether a statement goes on with the head of a channel after a pause.
fn goes_on(state: &LogState, statement: &Statement) -> bool {
    let Statement::Promotion(promotion) = statement else {
        return false;
    };
    let (predicate, hash) = (&promotion.predicate, promotion.subject[0].digest.sha256);
    let mut before = state.promotions(&predicate.project);
    let before = before.rfind(|one| one.channel == predicate.channel && one.seq < predicate.seq);
    let is_paused = before.is_some_and(|one| one.action == Action::Pause && one.hash == hash);
    predicate.action == Action::Rollback && is_paused
}

/// Tells whose key signed a statement: by the policy in effect, by the one that it is, whose root signs it,
/// too, or by an earlier one, where others were faster.
fn owner(state: &LogState, submission: &Submission, fingerprint: &str) -> Option<Name> {
    let next = match submission.statement() {
        Statement::Policy(next) => CheckedPolicy::new((**next).clone()).ok(),
        _ => None,
    };
    let earlier = state.policies().rev().map(|version| &version.checked);
    let (current, earlier) = (state.checked_policy(), earlier.skip(1));
    let mut policies = current.into_iter().chain(&next).chain(earlier);
    policies.find_map(|policy| {
        let (owner, _) = policy.key(fingerprint)?;
        Some(owner.name().clone())
    })
}

/// Tells how far a statement has come, and with which of its signatures: others may have been taken out of
/// the policy since they signed.
fn judge(state: &LogState, submission: Submission) -> (Submission, Progress) {
    if let Ok(approval @ Approval::Known { .. }) = state.approval(&submission) {
        return (submission, approval.into());
    }
    let judged = state.counted(&submission).and_then(|counted| {
        let approval = state.approval(&counted)?;
        Ok((counted, approval))
    });
    match judged {
        Ok((counted, approval)) => (counted, approval.into()),
        Err(reason) => {
            let void = void(state, &submission, reason);
            (submission, void)
        }
    }
}

fn void(state: &LogState, submission: &Submission, reason: Reason) -> Progress {
    let statement = submission.statement();
    let since = match statement {
        Statement::Policy(policy) => policy.log.size,
        Statement::Promotion(promotion) => promotion.predicate.log.size,
        Statement::Release(_) | Statement::Revocation(_) => state.size(),
    };
    // Nothing that happened here explains these.
    let is_other = matches!(
        reason,
        Reason::OtherHistory { .. } | Reason::Future { .. } | Reason::Signature { .. }
    );
    let meanwhile = Meanwhile::since(state, since, statement).filter(|_| !is_other);
    Progress::Void(meanwhile.map_or(Void::Inert(reason), Void::Overtaken))
}

/// Fetches what waits for signatures, and verifies it. What is in the log already is left out.
pub async fn fetch(
    client: &Client,
    state: &LogState,
) -> Result<Vec<Result<Pending, PendingError>>, PendingError> {
    let proposals = client.proposals().await?;
    let verified = proposals.iter().map(|one| Pending::verify(state, one));
    let is_done = |one: &Result<Pending, PendingError>| matches!(one, Ok(pending) if matches!(pending.state, Progress::Done { .. }));
    Ok(verified.filter(|one| !is_done(one)).collect())
}

/// Tells how many people have to sign a statement, by the policy in effect: the most where two roots
/// decide.
pub fn needed(state: &LogState, statement: &Statement) -> u32 {
    let Some(policy) = state.checked_policy() else {
        return 1;
    };
    match statement {
        Statement::Policy(next) => policy.policy().root.threshold.max(next.root.threshold),
        Statement::Promotion(promotion) => {
            let predicate = &promotion.predicate;
            let rule = policy.channel_rule(&predicate.project, &predicate.channel);
            rule.map_or(1, |rule| rule.threshold)
        }
        Statement::Release(_) | Statement::Revocation(_) => 1,
    }
}
