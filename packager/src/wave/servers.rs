//! The servers of a channel, wave by wave, and whether they are well enough for the next.

use std::collections::BTreeMap;

use bulla_schemas::ChannelName;
use bulla_schemas::api::Deployment;
use bulla_schemas::report::{WaveReport, WaveServers};
use bulla_schemas::statement::Wave;

use super::error::WaveError;

/// Tells whether there are servers that may go, and none of them has the release.
pub fn is_unproved(report: &WaveReport) -> bool {
    let gone: Vec<_> = report.steps.iter().filter(|step| step.may_go).collect();
    !gone.is_empty() && gone.iter().all(|step| step.current == 0)
}

/// Refuses to let more servers go where the release failed on one that might.
pub fn require_healthy(report: &WaveReport) -> Result<(), WaveError> {
    let gone = report.steps.iter().filter(|step| step.may_go);
    let failed: Vec<_> = gone
        .flat_map(|step| step.failed.iter().map(|failed| (step.wave, failed.clone())))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(WaveError::Failed {
        hash: report.hash,
        channel: report.channel.clone(),
        failed,
    })
}

/// Counts the servers of a channel by wave.
pub fn servers(deployments: &[Deployment], channel: &ChannelName) -> Vec<WaveServers> {
    let mut counts: BTreeMap<Wave, u64> = BTreeMap::new();
    for deployment in of_channel(deployments, channel) {
        *counts.entry(deployment.report.wave).or_default() += 1;
    }
    let counts = counts.into_iter();
    counts
        .map(|(wave, servers)| WaveServers { wave, servers })
        .collect()
}

/// Returns the servers that follow a channel.
pub(super) fn of_channel<'a>(
    deployments: &'a [Deployment],
    channel: &'a ChannelName,
) -> impl Iterator<Item = &'a Deployment> {
    let of_channel = |deployment: &&Deployment| deployment.report.channel.as_ref() == Some(channel);
    deployments.iter().filter(of_channel)
}
