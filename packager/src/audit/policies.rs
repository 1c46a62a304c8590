//! The versions of the policy: who signed each, and what it changed.

use bulla_registry_client::{Client, FollowError, LogReader};
use bulla_schemas::Timestamp;
use bulla_schemas::report::{EntrySigner, PolicyVersionReport};
use bulla_trust::envelope::SignedEnvelope;
use bulla_trust::replay::signatures_of_policy;
use bulla_trust::{CheckedPolicy, LogState};

use super::signer::signer;
use crate::policy::{describe, difference};

/// Reports every policy that took effect, oldest first. Who signed stands in the entries, which are
/// read again.
pub async fn versions(
    client: &Client,
    state: &LogState,
) -> Result<Vec<PolicyVersionReport>, FollowError> {
    let reader = LogReader::open(client, state).await?;
    let mut reports = Vec::new();
    let mut before: Option<&CheckedPolicy> = None;
    let dates = dates(state);
    for version in state.policies() {
        let mut signers = Vec::new();
        reader
            .read(version.entry..version.entry + 1, |_, bytes| {
                signers = self::signers(before, &version.checked, bytes);
                Ok::<(), FollowError>(())
            })
            .await?;
        let policy = version.checked.policy();
        let (removed, added) = match before {
            Some(before) => difference(before.policy(), policy),
            None => (Vec::new(), describe(policy)),
        };
        let behind = dates.partition_point(|(entry, _)| *entry <= version.entry);
        reports.push(PolicyVersionReport {
            version: policy.version,
            entry: version.entry,
            signers,
            after: behind.checked_sub(1).map(|place| dates[place].1),
            before: dates.get(behind).map(|(_, time)| *time),
            removed,
            added,
        });
        before = Some(&version.checked);
    }
    Ok(reports)
}

/// Who signed, by the policy before or by this one.
fn signers(before: Option<&CheckedPolicy>, own: &CheckedPolicy, entry: &[u8]) -> Vec<EntrySigner> {
    let Ok(envelope) = SignedEnvelope::from_bytes(entry) else {
        return Vec::new();
    };
    let signatures = signatures_of_policy(&envelope, before, own);
    signatures.iter().map(signer).collect()
}

/// The entries that say when they were signed, in the order of the log.
fn dates(state: &LogState) -> Vec<(u64, Timestamp)> {
    let mut dates = Vec::new();
    for project in state.projects() {
        let releases = state.releases(project).flat_map(|one| &one.statements);
        dates.extend(releases.map(|one| (one.entry, one.finished_on)));
        dates.extend(
            state
                .promotions(project)
                .map(|one| (one.entry, one.issued_at)),
        );
        dates.extend(
            state
                .revocations(project)
                .map(|one| (one.entry, one.issued_at)),
        );
    }
    dates.sort_unstable();
    dates
}
