//! What a rollback meets on the servers, as far as they have reported.

use bulla_registry_client::Client;
use bulla_schemas::api::Deployment;
use bulla_schemas::outcome::report;
use bulla_schemas::report::ProposalReport;
use bulla_trust::LogState;

use crate::proposal::Proposal;

/// Adds to a report what servers say. It helps to decide, and is not needed.
pub async fn ask(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
    report: &mut ProposalReport,
) {
    match client.deployments(&proposal.project).await {
        Ok(deployments) => tell(state, proposal, &deployments, report),
        Err(error) => report.not_asked = Some(in_line(&error)),
    }
}

fn in_line(error: &dyn std::error::Error) -> String {
    let text = report(error, None);
    let lines = text.trim_start_matches("error: ").lines().map(str::trim);
    lines.collect::<Vec<_>>().join(": ")
}

/// A server goes at once where one is live that the rollback takes out, unless the release failed
/// there before.
fn tell(
    state: &LogState,
    proposal: &Proposal,
    deployments: &[Deployment],
    report: &mut ProposalReport,
) {
    let Proposal {
        project,
        channel,
        hash,
        ..
    } = proposal;
    let promoted = state.promoted(project, channel, hash);
    let undone = state.moves(project, channel).undone(hash);
    for deployment in deployments {
        let found = &deployment.report;
        if found.channel.as_ref() != Some(channel) {
            continue;
        }
        let has_failed = found.has_failed(hash);
        if has_failed {
            report.failed_on.push(deployment.host.clone());
        }
        let goes_back = found.live.is_some_and(|live| undone.contains(&live));
        let is_new = has_failed || !goes_back;
        let is_let_go =
            promoted.is_none_or(|promoted| promoted.waves.is_none() || found.wave <= promoted.open);
        if found.live != Some(*hash) && is_new && !is_let_go {
            report.waiting.push(deployment.host.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_schemas::HostName;
    use bulla_schemas::statement::Waves;
    use bulla_trust::statement::widen;
    use bulla_trust::testing::{Organisation, name, project, time};

    use super::*;

    #[test]
    fn names_where_it_failed_and_who_would_wait() {
        let mut acme = Organisation::new();
        let hashes = ["a", "b", "c"].map(|content| acme.publish(&project(), content));
        for (hash, waves) in hashes.iter().zip([false, true, true]) {
            let mut promotion = acme.draft("prod", *hash);
            promotion.predicate.waves = waves.then_some(Waves::Manual);
            assert!(acme.append_promotion(&promotion, &["alice"]).is_effective());
            if *hash == hashes[1] {
                let up_to = 2.try_into().unwrap();
                let (state, on) = (&acme.state, "on".to_owned());
                let widening = widen(state, &project(), &name("prod"), up_to, on, time(1));
                let verdict = acme.append_promotion(&widening.unwrap(), &["alice"]);
                assert!(verdict.is_effective());
            }
        }
        let [a, b, c] = hashes;
        let deployment = |host: &str, wave: u64, live, failed: &[_]| -> Deployment {
            let failed: Vec<_> = failed.iter().map(|hash| format!("\"{hash}\"")).collect();
            let text = format!(
                r#"{{"host":"{host}","state":"behind","receivedAt":"2026-11-28T12:00:00Z",
                    "report":{{"project":"acme/billing","channel":"prod","standing":"behind",
                    "wave":{wave},"live":"{live}","failed":[{}]}}}}"#,
                failed.join(",")
            );
            serde_json::from_str(&text).unwrap()
        };
        let deployments = [
            deployment("had-it", 1, c, &[]),
            deployment("has-it", 3, b, &[]),
            deployment("may-have-it", 2, a, &[]),
            deployment("never-had-it", 3, a, &[]),
            deployment("failed-first", 1, c, &[b]),
            deployment("failed-last", 3, c, &[b]),
        ];
        let proposal = Proposal {
            project: project(),
            channel: name("prod"),
            hash: b,
            reason: String::new(),
            issued_at: time(2),
            waves: None,
            urgent: None,
        };
        let mut report = proposal.report();
        tell(&acme.state, &proposal, &deployments, &mut report);
        let hosts = |names: &[&str]| -> Vec<HostName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        assert_eq!(report.failed_on, hosts(&["failed-first", "failed-last"]));
        assert_eq!(report.waiting, hosts(&["never-had-it", "failed-last"]));
    }
}
