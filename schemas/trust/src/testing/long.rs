//! `LongLog`: the entries of a log of any length, made without replaying it.
//!
//! Every release of a project goes to each of its channels, one after the other, and then the next project
//! has a release.

use bulla_schemas::media_type::IN_TOTO;
use bulla_schemas::policy::ChannelRule;
use bulla_schemas::statement::{
    Action, DigestSet, PROMOTION_TYPE, PromotionPredicate, PromotionStatement, STATEMENT_TYPE,
    Subject,
};
use bulla_schemas::{ChannelName, Digest, ProjectName};

use super::organisation::{Organisation, name, release, sign_as, sign_as_builder, time};
use crate::state::LogState;
use crate::statement::to_payload;

/// How many channels a project has.
const CHANNELS: usize = 9;

/// The entries of a long log, in their order.
#[derive(Debug)]
pub struct LongLog {
    founded: Organisation,
    projects: Vec<Project>,
    /// How many entries were made.
    made: usize,
}

#[derive(Debug)]
struct Project {
    name: ProjectName,
    releases: usize,
    last: Digest,
    /// The number and the payload of the last promotion.
    channels: Vec<(ChannelName, u64, Digest)>,
}

impl LongLog {
    /// Begins a log with so many projects.
    pub fn new(projects: usize) -> Self {
        let channels: Vec<ChannelName> = (0..CHANNELS)
            .map(|number| name(&format!("stage-{number}")))
            .collect();
        let founded = Organisation::with_policy(|policy| {
            policy
                .channels
                .extend(channels.iter().map(|channel| ChannelRule {
                    project: "acme/*".to_owned(),
                    channel: channel.to_string(),
                    people: vec!["*".to_owned()],
                    builders: Vec::new(),
                    threshold: 1,
                    via: None,
                    max_age: None,
                }));
        });
        let nothing = Digest::from_bytes([0; 32]);
        let channels: Vec<_> = channels
            .into_iter()
            .map(|channel| (channel, 0, nothing))
            .collect();
        let projects = (0..projects).map(|number| Project {
            name: name(&format!("acme/project-{number}")),
            releases: 0,
            last: nothing,
            channels: channels.clone(),
        });
        Self {
            founded,
            projects: projects.collect(),
            made: 0,
        }
    }

    /// Returns the name of one of its projects.
    pub fn project(&self, number: usize) -> &ProjectName {
        &self.projects[number].name
    }

    /// Returns the state after the first entry, to which everybody's statements are bound.
    pub const fn founded(&self) -> &LogState {
        &self.founded.state
    }

    /// Makes the entry that takes the first channel of a project back to the release before its last one,
    /// or forward again. It needs two releases there, and comes behind everything that was made.
    pub fn back_and_forth(&mut self, number: usize) -> Vec<u8> {
        let project = &self.projects[number];
        let count = project.releases;
        let (_, seq, _) = &project.channels[0];
        let is_forward = (seq - count as u64) % 2 == 1;
        let at = if is_forward { count - 1 } else { count - 2 };
        let hash = bundle(&project.name, at);
        self.promotion(number, 0, Action::Rollback, hash)
    }

    fn promotion(
        &mut self,
        number: usize,
        channel: usize,
        action: Action,
        hash: Digest,
    ) -> Vec<u8> {
        let log = self.founded.state.position();
        let second = u32::try_from(self.made).unwrap_or(u32::MAX);
        let project = &mut self.projects[number];
        let (channel, seq, prev) = &mut project.channels[channel];
        *seq += 1;
        let statement = PromotionStatement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: [Subject {
                name: project.name.clone(),
                digest: DigestSet { sha256: hash },
            }],
            predicate_type: PROMOTION_TYPE.to_owned(),
            predicate: PromotionPredicate {
                project: project.name.clone(),
                channel: channel.clone(),
                seq: *seq,
                prev: *prev,
                action,
                waves: None,
                urgent: None,
                up_to: None,
                log,
                reason: format!("Change {} as asked for", self.made),
                issued_at: time(second),
            },
        };
        let payload = to_payload(&statement);
        *prev = Digest::of(&payload);
        self.made += 1;
        sign_as(&["alice"], IN_TOTO, &payload)
    }
}

impl Iterator for LongLog {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let Some(after_policy) = self.made.checked_sub(1) else {
            self.made = 1;
            return Some(self.founded.entries[0].clone());
        };
        let (round, step) = (after_policy / (1 + CHANNELS), after_policy % (1 + CHANNELS));
        let number = round % self.projects.len();
        if let Some(channel) = step.checked_sub(1) {
            let hash = self.projects[number].last;
            return Some(self.promotion(number, channel, Action::Promote, hash));
        }
        let project = &mut self.projects[number];
        project.last = bundle(&project.name, project.releases);
        project.releases += 1;
        self.made += 1;
        let statement = release(&project.name, project.last);
        Some(sign_as_builder("ci", &to_payload(&statement)))
    }
}

fn bundle(project: &ProjectName, number: usize) -> Digest {
    Digest::of(format!("{project} {number}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{Verdict, replay};

    #[test]
    fn every_entry_has_an_effect() {
        let mut log = LongLog::new(3);
        let entries: Vec<_> = log.by_ref().take(1 + 10 * 6).collect();
        let more = (0..5).map(|_| log.back_and_forth(1)).collect::<Vec<_>>();
        let entries = entries.iter().chain(&more).map(Vec::as_slice);
        let (state, verdicts) = replay(LogState::default(), entries).unwrap();
        let inert = verdicts
            .iter()
            .find(|verdict| **verdict != Verdict::Effective);
        assert_eq!(inert, None);
        assert_eq!(state.release_count(log.project(1)), 2);
        assert_eq!(state.promotions(log.project(1)).count(), 2 * CHANNELS + 5);
    }
}
