//! Effects: what a judged entry changes, and the only places where a state is changed.

use std::sync::Arc;

use bulla_schemas::statement::{Action, Severity, Wave};
use bulla_schemas::{Digest, ProjectName};

use super::entries::{Head, PolicyVersion, Promotion, Release, ReleaseRecord, Revocation, Rollout};
use super::log_state::{Channel, LogState, Project};
use super::map::SharedMap;

/// What an entry changes once it has been judged.
pub(crate) enum Effect {
    Policy(Box<PolicyVersion>),
    Release(ProjectName, Digest, Box<ReleaseRecord>),
    Promotion(ProjectName, Box<Promotion>),
    Revocation(ProjectName, Box<Revocation>),
}

impl LogState {
    /// Appends a leaf, whether or not its entry has an effect.
    pub(crate) fn push(&mut self, leaf: Digest) {
        self.peaks.push(leaf);
        self.roots.push(self.peaks.root());
    }

    /// Changes what the log says.
    pub(crate) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Policy(version) => self.policies.push(Arc::new(*version)),
            Effect::Release(project, hash, record) => {
                self.project_mut(&project).add_release(hash, *record);
            }
            Effect::Promotion(project, promotion) => {
                let size = self
                    .release(&project, &promotion.hash)
                    .map_or(0, |release| release.record().size);
                let before = self.head(&project, &promotion.channel);
                let head = head_after(before, &project, &promotion, size);
                self.project_mut(&project).add_promotion(*promotion, head);
            }
            Effect::Revocation(project, revocation) => {
                self.project_mut(&project).add_revocation(*revocation);
            }
        }
    }

    /// Returns what a channel pointed to right after one of its promotions.
    pub(super) fn head_after(&self, project: &ProjectName, promotion: &Promotion) -> Option<Head> {
        let until = self.promotions(project);
        let until = until.take_while(|one| one.entry <= promotion.entry);
        let of_channel = until.filter(|one| one.channel == promotion.channel);
        of_channel.fold(None, |before, one| {
            let release = self.release(project, &one.hash);
            let size = release.map_or(0, |release| release.record().size);
            Some(head_after(before.as_ref(), project, one, size))
        })
    }

    fn project_mut(&mut self, project: &ProjectName) -> &mut Project {
        Arc::make_mut(self.projects.get_or_insert_with(project, Arc::default))
    }
}

/// What a channel points to after a promotion.
fn head_after(
    before: Option<&Head>,
    project: &ProjectName,
    promotion: &Promotion,
    size: u64,
) -> Head {
    let rollout = rollout_after(before, promotion);
    let (last_seq, payload) = (promotion.seq, promotion.payload);
    if let Some(before) = before
        && promotion.is_widening()
    {
        // Holds and quarantines of servers end with a new promotion, and this is not one.
        return Head {
            rollout,
            last_seq,
            payload,
            ..before.clone()
        };
    }
    let promotion = promotion.clone();
    Head {
        project: project.clone(),
        channel: promotion.channel,
        hash: promotion.hash,
        size,
        seq: promotion.seq,
        entry: promotion.entry,
        action: promotion.action,
        people: promotion.people,
        reason: promotion.reason,
        issued_at: promotion.issued_at,
        rollout,
        last_seq,
        payload,
    }
}

fn rollout_after(before: Option<&Head>, promotion: &Promotion) -> Rollout {
    let new = Rollout {
        waves: promotion.waves,
        open: Wave::FIRST,
        urgent: promotion.urgent,
    };
    let Some(before) = before else {
        return new;
    };
    match promotion.action {
        Action::Widen => Rollout {
            open: promotion.up_to.unwrap_or(before.rollout.open),
            ..before.rollout
        },
        // Going on with what was paused is no reason to let the rest of the servers go.
        Action::Pause => before.rollout,
        Action::Rollback if before.is_paused() && before.hash == promotion.hash => before.rollout,
        Action::Promote | Action::Rollback => new,
    }
}

impl Project {
    fn add_release(&mut self, hash: Digest, record: ReleaseRecord) {
        let number = self.releases.len();
        let at = *self.by_hash.get_or_insert_with(&hash, || number);
        if let Some(release) = self.releases.get_mut(at) {
            release.statements.push(record);
        } else {
            self.releases.push(Release {
                hash,
                statements: vec![record],
            });
        }
    }

    fn add_promotion(&mut self, mut promotion: Promotion, mut head: Head) {
        if let Some((name, _)) = self.channels.get_key_value(&promotion.channel) {
            promotion.channel = name.clone();
            head.channel = name.clone();
        }
        let number = self.number(&head.hash);
        let known = self.channels.get_mut(&promotion.channel);
        let channel = if let Some(channel) = known {
            let channel = Arc::make_mut(channel);
            channel.head = head;
            channel
        } else {
            let new = self.channels.entry(promotion.channel.clone());
            let past = SharedMap::default();
            Arc::make_mut(new.or_insert_with(|| Arc::new(Channel { head, past })))
        };
        // No rule lets a channel point to what was not released.
        if let Some(number) = number {
            channel.past.get_or_insert_with(&number, || ());
        }
        self.promotions.push(promotion);
    }

    fn add_revocation(&mut self, revocation: Revocation) {
        for hash in &revocation.hashes {
            let known = self
                .revoked
                .get_or_insert_with(hash, || revocation.severity);
            // A warning never softens a block.
            if revocation.severity == Severity::Block {
                *known = Severity::Block;
            }
        }
        self.revocations.push(revocation);
    }
}

impl Head {
    /// Tells whether installers are to stop here.
    pub fn is_paused(&self) -> bool {
        self.action == Action::Pause
    }
}
