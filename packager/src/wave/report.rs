//! How the waves stand on the servers of the channel.

use std::collections::BTreeMap;

use bulla_schemas::api::{Arrival, Deployment};
use bulla_schemas::report::{FailedServer, WaitingServer, WaveReport, WaveStep};
use bulla_schemas::statement::Wave;
use bulla_schemas::{Timestamp, line};

use super::servers::of_channel;
use super::{Failures, InWaves};

impl InWaves {
    /// Puts together what the log lets go and what servers say.
    pub fn report(&self, deployments: &[Deployment], now: Timestamp) -> WaveReport {
        let (head, failures) = (&self.head, self.failures(deployments));
        let mut steps: BTreeMap<Wave, WaveStep> = BTreeMap::new();
        for deployment in of_channel(deployments, &head.channel) {
            let (report, wave) = (&deployment.report, deployment.report.wave);
            let step = steps
                .entry(wave)
                .or_insert_with(|| self.step(wave, failures, now));
            step.servers += 1;
            let host = deployment.host.clone();
            if deployment.silent_since.is_some() {
                step.silent.push(host.clone());
            }
            match report.arrival(&head.hash) {
                Arrival::Failed(reason) => {
                    let reason = line::in_one(reason);
                    step.failed.push(FailedServer { host, reason });
                }
                Arrival::Current => step.current += 1,
                Arrival::Held => step.held.push(host),
                // That it waits for its wave is no news.
                Arrival::Waiting(reason) if step.may_go => {
                    let reason = line::in_one(reason);
                    step.waiting.push(WaitingServer { host, reason });
                }
                Arrival::Behind if step.may_go => step.behind.push(host),
                Arrival::Waiting(_) | Arrival::Behind => {}
            }
        }
        let last_to_go = self.last_to_go(failures, now);
        let last = self.last_known(deployments).unwrap_or(Wave::LAST);
        WaveReport {
            project: head.project.clone(),
            channel: head.channel.clone(),
            hash: head.hash,
            waves: self.waves,
            promoted_at: head.issued_at,
            open: head.rollout.open,
            due_up_to: Some(last_to_go).filter(|wave| *wave > head.rollout.open),
            finished: last <= last_to_go && !head.is_paused() && steps.values().all(is_done),
            rolled_back: self.is_rolled_back,
            paused: head.is_paused(),
            steps: steps.into_values().collect(),
            entry: None,
        }
    }

    /// Begins to count the servers of a wave.
    fn step(&self, wave: Wave, failures: Failures, now: Timestamp) -> WaveStep {
        let stopped_by = self.stopped_by(wave, failures);
        let may_go = self.may_go(wave, failures, now);
        WaveStep {
            wave,
            may_go: may_go && !self.head.is_paused(),
            due: self
                .due(wave)
                .filter(|due| *due > now && !may_go && stopped_by.is_none()),
            stopped_by,
            servers: 0,
            current: 0,
            failed: Vec::new(),
            waiting: Vec::new(),
            behind: Vec::new(),
            held: Vec::new(),
            silent: Vec::new(),
        }
    }
}

/// Tells whether nothing more is going to happen in a wave: who is held stays.
fn is_done(step: &WaveStep) -> bool {
    step.may_go && step.current + step.held.len() as u64 == step.servers
}
