//! Waves: how far a promotion has come on the servers of its channel, and letting further ones go.

mod error;
mod report;
mod servers;

use bulla_schemas::api::{Deployment, ProjectReport};
use bulla_schemas::statement::{Action, PromotionStatement, Wave, Waves};
use bulla_schemas::{ChannelName, ProjectName, Timestamp};
use bulla_trust::{Head, LogState, statement};

use self::servers::of_channel;
use crate::promote::{self, PromoteError};
use crate::proposal::Proposal;
use crate::resolve;
use crate::ssh::PersonalKey;

pub use error::WaveError;
pub use servers::{is_unproved, require_healthy, servers};

/// A head that was promoted in waves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InWaves {
    /// The head, with the rollout that servers go by to which it is new.
    pub head: Head,
    waves: Waves,
    /// Whether the channel was rolled back to it, so that nothing widens it.
    is_rolled_back: bool,
    /// When people last said something about how it reaches the servers.
    last_word: Timestamp,
}

/// The first waves in which servers say that a release failed there.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    /// Of all.
    first: Option<Wave>,
    /// Of those where it failed since people last said something.
    first_since: Option<Wave>,
}

/// Returns the head of a channel that was promoted in waves: of the one that was named, else of the
/// only one that has some.
pub fn find(
    state: &LogState,
    project: &ProjectName,
    named: Option<&ChannelName>,
) -> Result<InWaves, WaveError> {
    let in_waves = |head: &Head| in_waves(state, head);
    if let Some(channel) = named {
        let hash = resolve::head(state, project, channel)?;
        let head = state.head(project, channel);
        return head.and_then(in_waves).ok_or_else(|| match head {
            Some(head) if is_taken_back(state, head) => rolled_back(head),
            _ => WaveError::AtOnce {
                project: project.clone(),
                channel: channel.clone(),
                hash,
            },
        });
    }
    resolve::known_project(state, project)?;
    let mut found: Vec<InWaves> = state.channels(project).filter_map(in_waves).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(WaveError::None {
            project: project.clone(),
        }),
        _ => Err(WaveError::Several {
            project: project.clone(),
            channels: found.into_iter().map(|one| one.head.channel).collect(),
        }),
    }
}

/// Tells whether a channel was rolled back to its head, which takes something out.
fn is_taken_back(state: &LogState, head: &Head) -> bool {
    let moves = state.moves(&head.project, &head.channel);
    head.action == Action::Rollback && !moves.undone(&head.hash).is_empty()
}

fn rolled_back(head: &Head) -> WaveError {
    WaveError::RolledBack {
        project: head.project.clone(),
        channel: head.channel.clone(),
        hash: head.hash,
        promoted: head.rollout,
    }
}

/// A head that came back by a rollback has no waves itself, and goes as it was promoted.
fn in_waves(state: &LogState, head: &Head) -> Option<InWaves> {
    let last_word = state.last_word(head);
    let mut head = head.clone();
    let is_rolled_back = head.rollout.waves.is_none();
    if is_rolled_back {
        head.rollout = state.promoted(&head.project, &head.channel, &head.hash)?;
    }
    Some(InWaves {
        waves: head.rollout.waves?,
        head,
        is_rolled_back,
        last_word,
    })
}

impl InWaves {
    /// Returns when a wave's time comes by itself.
    fn due(&self, wave: Wave) -> Option<Timestamp> {
        let Waves::Every(interval) = self.waves else {
            return None;
        };
        let later = i64::try_from(interval.until(wave).as_secs()).ok()?;
        Timestamp::from_seconds(self.head.issued_at.as_seconds() + later).ok()
    }

    /// Tells whether a wave goes: people let it, or its time has come, and no wave before it failed
    /// for which its servers would wait.
    fn may_go(&self, wave: Wave, failures: Failures, now: Timestamp) -> bool {
        let is_due = self.due(wave).is_some_and(|due| due <= now);
        (self.is_let_go(wave) || is_due) && self.stopped_by(wave, failures).is_none()
    }

    fn is_let_go(&self, wave: Wave) -> bool {
        wave <= self.head.rollout.open
    }

    /// Returns the earlier wave that failed, for which a wave waits: one that people have not let go,
    /// or let go before that. Who let all of them go wanted no more of that.
    fn stopped_by(&self, wave: Wave, failures: Failures) -> Option<Wave> {
        let failed = match self.head.rollout.open {
            Wave::LAST => None,
            _ if self.is_let_go(wave) => failures.first_since,
            _ => failures.first,
        };
        failed.filter(|failed| *failed < wave)
    }

    /// Returns the last wave that goes by now, as far as people and the clock let them.
    fn last_to_go(&self, failed: Failures, now: Timestamp) -> Wave {
        let mut last = self.head.rollout.open;
        while let Some(next) = last.next().filter(|next| self.may_go(*next, failed, now)) {
            last = next;
        }
        last
    }

    /// Returns the last wave in which a server has reported that it is.
    fn last_known(&self, deployments: &[Deployment]) -> Option<Wave> {
        let reports = of_channel(deployments, &self.head.channel).map(|one| one.report.wave);
        reports.max()
    }

    /// Refuses a wave after the last one in which a server has reported that it is: there is nobody
    /// to let go, and a later release has waves of its own.
    pub fn require_server(&self, wave: Wave, deployments: &[Deployment]) -> Result<(), WaveError> {
        let failures = self.failures(deployments);
        let is_stopped = |wave: Wave| self.stopped_by(wave, failures).is_some();
        match self.last_known(deployments) {
            // A wave that people let go before something failed can go again.
            Some(last) if last < wave && is_stopped(last) => Ok(()),
            Some(last) if last < wave => Err(WaveError::NoLaterWave {
                hash: self.head.hash,
                channel: self.head.channel.clone(),
                last,
            }),
            _ => Ok(()),
        }
    }

    /// Returns the wave that comes after those that go.
    pub fn next(&self, deployments: &[Deployment], now: Timestamp) -> Result<Wave, WaveError> {
        let channel = || self.head.channel.clone();
        if self.is_rolled_back {
            return Err(rolled_back(&self.head));
        }
        if self.head.is_paused() {
            return Err(WaveError::Paused {
                channel: channel(),
                hash: self.head.hash,
                people: self.head.people.clone(),
                reason: self.head.reason.clone(),
            });
        }
        let last = self.last_to_go(self.failures(deployments), now);
        last.next()
            .ok_or_else(|| WaveError::AllGo { channel: channel() })
    }

    /// Returns the first waves in which servers say that the release failed there, or that they cannot
    /// take it.
    fn failures(&self, deployments: &[Deployment]) -> Failures {
        let reports = of_channel(deployments, &self.head.channel).map(|one| &one.report);
        let stops = |report: &&ProjectReport| report.arrival(&self.head.hash).stops_later_waves();
        let failed = reports.filter(stops);
        let failed: Vec<_> = failed
            .map(|report| (report.wave, report.failed_at()))
            .collect();
        let since = failed
            .iter()
            .filter(|(_, at)| at.is_none_or(|at| at > self.last_word));
        Failures {
            first: failed.iter().map(|(wave, _)| *wave).min(),
            first_since: since.map(|(wave, _)| *wave).min(),
        }
    }
}

/// Drafts the statement that lets the waves up to one go, after checking that the person may say it.
pub fn draft(
    state: &LogState,
    key: &PersonalKey,
    proposal: &Proposal,
    up_to: Wave,
) -> Result<PromotionStatement, PromoteError> {
    promote::check_release(state, proposal)?;
    promote::check_person(state, key, proposal)?;
    let Proposal {
        project,
        channel,
        reason,
        issued_at,
        ..
    } = proposal;
    let widening = statement::widen(state, project, channel, up_to, reason.clone(), *issued_at);
    widening.ok_or(PromoteError::NotReleased {
        hash: proposal.hash,
    })
}

#[cfg(test)]
mod tests;
