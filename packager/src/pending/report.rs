//! What waits for signatures, in words and for programs.

use bulla_schemas::Name;
use bulla_schemas::report::{ApprovalReport, PendingReport, ProposedReport};
use bulla_schemas::statement::{Action, PromotionStatement};
use bulla_trust::{Statement, Tally};

use super::Pending;
use super::progress::Progress;

impl Pending {
    /// Reports it for a list.
    pub fn report(&self) -> PendingReport {
        let (promotion, policy) = match self.statement() {
            Statement::Promotion(promotion) => (Some(&**promotion), None),
            Statement::Policy(policy) => (None, Some(policy)),
            Statement::Release(_) | Statement::Revocation(_) => (None, None),
        };
        let predicate = promotion.map(|promotion| &promotion.predicate);
        PendingReport {
            id: self.id,
            what: self.what(),
            project: predicate.map(|one| one.project.clone()),
            channel: predicate.map(|one| one.channel.clone()),
            action: predicate.map(|one| one.action),
            hash: promotion.map(|one| one.subject[0].digest.sha256),
            version: policy.map(|policy| policy.version),
            reason: predicate.map(|one| one.reason.clone()),
            proposed_by: self.proposed_by.clone(),
            proposed_at: self.proposed_at,
            expires_at: self.expires_at,
            approvals: approvals(self.tallies()),
            void: match &self.state {
                Progress::Void(void) => Some(void.to_string()),
                _ => None,
            },
        }
    }

    /// Reports what is waited for after somebody signed.
    pub fn proposed(&self) -> ProposedReport {
        ProposedReport {
            id: self.id,
            expires_at: self.expires_at,
            approvals: approvals(self.tallies()),
        }
    }

    /// Says in a few words what it would do.
    pub fn what(&self) -> String {
        match self.statement() {
            Statement::Promotion(promotion) => deed(promotion, self.goes_on),
            Statement::Policy(policy) => format!("policy {}", policy.version),
            Statement::Release(_) => "a release".to_owned(),
            Statement::Revocation(_) => "a revocation".to_owned(),
        }
    }
}

fn deed(promotion: &PromotionStatement, goes_on: bool) -> String {
    let predicate = &promotion.predicate;
    let hash = promotion.subject[0].digest.sha256.short();
    let place = format!("{} of {}", predicate.channel, predicate.project);
    match (predicate.action, predicate.up_to) {
        (Action::Promote, _) => format!("promote {hash} to {place}"),
        (Action::Rollback, _) if goes_on => format!("resume {place} at {hash}"),
        (Action::Rollback, _) => format!("go back to {hash} on {place}"),
        (Action::Pause, _) => format!("pause {place} at {hash}"),
        (Action::Widen, Some(up_to)) => format!("let the waves up to {up_to} of {place} go"),
        (Action::Widen, None) => format!("let waves of {place} go"),
    }
}

/// Two roots that are the same people are said once.
fn approvals(tallies: &[Tally]) -> Vec<ApprovalReport> {
    let mut reports: Vec<ApprovalReport> = Vec::new();
    for tally in tallies {
        let report = ApprovalReport {
            what: tally.what.clone(),
            needed: tally.needed,
            signed: tally.signed.clone(),
            asked: tally.asked().cloned().collect::<Vec<Name>>(),
        };
        let is_new = |one: &ApprovalReport| {
            (one.needed, &one.signed, &one.asked) != (report.needed, &report.signed, &report.asked)
        };
        if reports.iter().all(is_new) {
            reports.push(report);
        }
    }
    reports
}
