//! The rule for revocations: any one person who could promote in the project, or of the root.
//! Stopping is easy, going is hard.

use bulla_schemas::statement::RevocationStatement;

use super::entry::Entry;
use super::reason::Reason;
use super::signers::Signed;
use crate::policy::Owner;
use crate::state::{Effect, Revocation};

pub(super) fn judge(
    entry: &Entry<'_>,
    signed: &Signed<'_>,
    revocation: &RevocationStatement,
) -> Result<Effect, Reason> {
    let project = &revocation.subject[0].name;
    if let Some(other) = revocation.subject.iter().find(|s| s.name != *project) {
        return Err(Reason::SubjectProject {
            project: project.clone(),
            subject: other.name.clone(),
        });
    }
    let predicate = &revocation.predicate;
    entry.check_position(&predicate.log)?;
    let may_sign = |owner: &Owner| signed.policy.may_revoke(project, owner);
    let what = || format!("a revocation in `{project}`");
    let people = signed.quorum(may_sign, 1, what)?;
    Ok(Effect::Revocation(
        project.clone(),
        Box::new(Revocation {
            entry: entry.index,
            hashes: revocation.subject.iter().map(|s| s.digest.sha256).collect(),
            severity: predicate.severity,
            people,
            reason: predicate.reason.clone(),
            issued_at: predicate.issued_at,
            payload: entry.payload_digest(),
        }),
    ))
}
