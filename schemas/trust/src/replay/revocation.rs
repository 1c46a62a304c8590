//! The rule for revocations: any one person who could promote in the project, or of the root.
//! Stopping is easy, going is hard.

use std::collections::BTreeSet;

use bulla_schemas::statement::RevocationStatement;

use super::signers::{check_position, quorum};
use super::{Entry, Reason};
use crate::policy::{CheckedPolicy, Owner};
use crate::state::{Effect, Revocation};

pub(super) fn judge(
    entry: &Entry<'_>,
    policy: &CheckedPolicy,
    signers: &BTreeSet<Owner>,
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
    check_position(entry, &predicate.log)?;
    let may_sign = |owner: &Owner| policy.may_revoke(project, owner);
    let what = || format!("a revocation in `{project}`");
    let people = quorum(signers, may_sign, 1, what)?;
    Ok(Effect::Revocation(
        project.clone(),
        Box::new(Revocation {
            entry: entry.index,
            hashes: revocation.subject.iter().map(|s| s.digest.sha256).collect(),
            severity: predicate.severity,
            people,
            reason: predicate.reason.clone(),
            issued_at: predicate.issued_at,
        }),
    ))
}
