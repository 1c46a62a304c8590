//! What the registry says of the servers of earlier waves.

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
/// Most characters of what another server says.
const MOST_WORDS: usize = 200;

/// Asks how a project is on all servers. `None` where there is nobody to ask, or no answer.
pub(super) fn ask(supply: &Supply, project: &ProjectName) -> Option<Vec<Deployment>> {
    let Source::Registry(client) = supply.source() else {
        return None;
    };
    let asked = async { tokio::time::timeout(PATIENCE, client.deployments(project)).await };
    supply.wait(asked).ok()?.ok()
}

/// Returns the server of an earlier wave on which the release of a head failed. One that is known
/// counts until that server itself says otherwise: a registry forgets reports, and may lie.
pub(super) fn failure(
    deployments: &[Deployment],
    head: &Head,
    wave: Wave,
    known: Option<FailedHost>,
) -> Option<FailedHost> {
    let is_on_channel =
        |deployment: &Deployment| deployment.report.channel.as_ref() == Some(&head.channel);
    let of_project = || {
        let all = deployments.iter();
        all.filter(|deployment| deployment.report.project == head.project)
    };
    let found = of_project()
        .filter(|deployment| is_on_channel(deployment) && deployment.report.wave < wave)
        .find_map(|deployment| of_deployment(deployment, head));
    found.or_else(|| {
        let known = known?;
        let says_otherwise = of_project().any(|deployment| {
            let knows_head = deployment.report.head == Some(head.hash);
            deployment.host == known.host && (knows_head || !is_on_channel(deployment))
        });
        (!says_otherwise).then_some(FailedHost {
            unasked_since: None,
            ..known
        })
    })
}

fn of_deployment(deployment: &Deployment, head: &Head) -> Option<FailedHost> {
    let why = deployment.report.failure_of(&head.hash)?;
    // One line, whatever another server wrote.
    let why = line::in_one(why);
    Some(FailedHost {
        host: deployment.host.clone(),
        wave: deployment.report.wave,
        why: why.chars().take(MOST_WORDS).collect(),
        unasked_since: None,
    })
}
