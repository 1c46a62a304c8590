//! What the registry says of the servers of earlier waves.

use std::cmp::Reverse;
use std::time::Duration;

use bulla_schemas::ProjectName;
use bulla_schemas::api::Deployment;
use bulla_schemas::line;
use bulla_schemas::statement::Wave;
use bulla_trust::Head;

use crate::fetch::supply::{Source, Supply};
use crate::state::rollout::FailedHost;

/// How long a registry may take to say how other servers are.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most servers that are remembered.
const MOST: usize = 50;
/// Most characters of what another server says.
const MOST_WORDS: usize = 200;

/// Asks how a project is on all servers, the first registry that answers. `None` where there is none
/// to ask, or no answer.
pub(super) fn ask(supplies: &[&Supply], project: &ProjectName) -> Option<Vec<Deployment>> {
    supplies.iter().find_map(|supply| ask_one(supply, project))
}

fn ask_one(supply: &Supply, project: &ProjectName) -> Option<Vec<Deployment>> {
    let Source::Registry(client) = supply.source() else {
        return None;
    };
    let asked = async { tokio::time::timeout(PATIENCE, client.deployments(project)).await };
    supply.wait(asked).ok()?.ok()
}

/// Returns the servers of earlier waves on which the release of a head failed, or that cannot take it. One that is known
/// counts until that server itself says otherwise: a registry forgets reports, and may lie.
pub(super) fn failures(
    deployments: &[Deployment],
    head: &Head,
    wave: Wave,
    mut known: Vec<FailedHost>,
) -> Vec<FailedHost> {
    let is_on_channel =
        |deployment: &Deployment| deployment.report.channel.as_ref() == Some(&head.channel);
    let of_project = deployments.iter();
    let of_project = of_project.filter(|deployment| deployment.report.project == head.project);
    for deployment in of_project {
        let knows_head = deployment.report.head == Some(head.hash);
        if knows_head || !is_on_channel(deployment) {
            known.retain(|failed| failed.host != deployment.host);
        }
        if is_on_channel(deployment)
            && deployment.report.wave < wave
            && let Some(failed) = of_deployment(deployment, head)
        {
            known.retain(|failed| failed.host != deployment.host);
            known.push(failed);
        }
    }
    // The latest are those that count longest.
    known.sort_by_key(|failed| (failed.at.is_some(), Reverse(failed.at)));
    known.truncate(MOST);
    known
}

fn of_deployment(deployment: &Deployment, head: &Head) -> Option<FailedHost> {
    let why = deployment.report.failure_of(&head.hash)?;
    // One line, whatever another server wrote.
    let why = line::in_one(why);
    Some(FailedHost {
        host: deployment.host.clone(),
        wave: deployment.report.wave,
        why: why.chars().take(MOST_WORDS).collect(),
        at: deployment.report.failed_at(),
    })
}
