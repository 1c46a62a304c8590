//! Who has which of the places that there are for proposals: each person an equal share, so that nobody who
//! may propose leaves no room for what others propose, such as to take them out of the policy.

use bulla_schemas::{Digest, Name, ProjectName, Timestamp};
use bulla_trust::{LogState, Reason, Tally};

use crate::database::ProposalPlace;
use crate::settings::ProposalLimits;

/// A person who proposes something.
#[derive(Debug)]
pub(super) struct Proposer<'a> {
    /// The key that they signed it with.
    pub(super) key_id: &'a str,
    name: &'a Name,
    /// How many people decide about it.
    deciders: u32,
    /// How many people there are.
    people: u32,
}

/// What somebody has beyond their share.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beyond {
    /// Of what waits.
    pub(super) waiting: Vec<Digest>,
    /// Of what waits no more, and is remembered.
    pub(super) remembered: Vec<Digest>,
}

impl<'a> Proposer<'a> {
    /// Returns the first of those with these keys who decides by the policy in effect. Without one, anybody
    /// could propose a policy in which they decide.
    pub(super) fn of(
        state: &'a LogState,
        keys: &[&'a str],
        tallies: &[Tally],
    ) -> Result<Self, Reason> {
        let may = tallies.first().map_or(&[][..], |tally| &tally.may);
        let decides = |key_id: &'a str| {
            let name = owner(state, key_id).filter(|name| may.contains(name))?;
            Some((key_id, name))
        };
        let (key_id, name) = keys
            .iter()
            .find_map(|key_id| decides(key_id))
            .ok_or_else(|| Reason::UnknownKey {
                key_id: keys.first().copied().unwrap_or_default().to_owned(),
            })?;
        let people = state.policy().map_or(0, |policy| policy.people.len());
        Ok(Self {
            key_id,
            name,
            deciders: number(may.len()),
            people: number(people),
        })
    }

    /// Picks what this person has proposed, the oldest first, but for one proposal.
    pub(super) fn own(
        &self,
        state: &LogState,
        mut places: Vec<ProposalPlace>,
        but: &Digest,
    ) -> Vec<ProposalPlace> {
        places.retain(|place| {
            place.id != *but && owner(state, &place.proposed_by) == Some(self.name)
        });
        places.sort_by_key(|place| (place.proposed_at, place.id));
        places
    }
}

/// Returns what somebody has beyond their share where one more of a project comes: an equal part of the
/// places that a project has among those who decide, and of all among all people; one at least. As much
/// is remembered of each.
pub(super) fn beyond_share(
    own: Vec<ProposalPlace>,
    project: Option<&ProjectName>,
    proposer: &Proposer<'_>,
    now: Timestamp,
    limits: ProposalLimits,
) -> Beyond {
    let share = |most: u32, among: u32| (most / among.max(1)).max(1) as usize;
    let of_project = share(limits.most_of_project, proposer.deciders);
    let of_all = share(limits.most, proposer.people);
    let (mut waiting, mut past): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|place| place.expires_at > now);
    let mut beyond = Vec::new();
    let is_of = |place: &ProposalPlace| place.project.as_ref() == project;
    let mut more =
        (waiting.iter().filter(|place| is_of(place)).count() + 1).saturating_sub(of_project);
    waiting.retain(|place| {
        let goes = more > 0 && is_of(place);
        if goes {
            more -= 1;
            beyond.push(place.clone());
        }
        !goes
    });
    let more = (waiting.len() + 1).saturating_sub(of_all);
    beyond.extend(waiting.into_iter().take(more));
    let waiting = beyond.iter().map(|place| place.id).collect();
    past.extend(beyond);
    let more = past.len().saturating_sub(of_all);
    let remembered = past.into_iter().take(more).map(|place| place.id).collect();
    Beyond {
        waiting,
        remembered,
    }
}

/// Returns whose key it is by the policy in effect.
fn owner<'a>(state: &'a LogState, key_id: &str) -> Option<&'a Name> {
    let (owner, _) = state.checked_policy()?.key(key_id)?;
    Some(owner.name())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::name;

    use super::*;

    const NOW: i64 = 1000;

    fn place(number: i64, project: Option<&str>, is_past: bool) -> ProposalPlace {
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        ProposalPlace {
            id: Digest::of(&number.to_be_bytes()),
            project: project.map(name),
            proposed_by: String::new(),
            proposed_at: at(number),
            expires_at: at(if is_past { NOW } else { NOW + 1 }),
        }
    }

    #[track_caller]
    fn assert_beyond(own: Vec<ProposalPlace>, waiting: &[i64], remembered: &[i64]) {
        let alice = name("alice");
        let proposer = Proposer {
            key_id: "",
            name: &alice,
            deciders: 3,
            people: 2,
        };
        let limits = ProposalLimits {
            most: 6,
            most_of_project: 6,
        };
        let now = Timestamp::from_seconds(NOW).unwrap();
        let ids = |numbers: &[i64]| -> Vec<_> {
            let ids = numbers
                .iter()
                .map(|number| Digest::of(&number.to_be_bytes()));
            ids.collect()
        };
        let expected = Beyond {
            waiting: ids(waiting),
            remembered: ids(remembered),
        };
        assert_eq!(beyond_share(own, None, &proposer, now, limits), expected);
    }

    #[test]
    fn the_oldest_go_beyond_the_share_of_a_project_and_of_all() {
        let policy = |number| place(number, None, false);
        let other = |number| place(number, Some("acme/tool"), false);
        assert_beyond(vec![policy(1)], &[], &[]);
        assert_beyond(vec![policy(1), policy(2)], &[1], &[]);
        assert_beyond(vec![other(1), other(2)], &[], &[]);
        assert_beyond(vec![other(1), other(2), other(3)], &[1], &[]);
        assert_beyond(vec![other(1), policy(2), policy(3), other(4)], &[2, 1], &[]);
    }

    #[test]
    fn what_is_remembered_is_no_more_than_a_share_either() {
        let past = |number| place(number, None, true);
        let own = vec![past(1), past(2), past(3)];
        assert_beyond(own, &[], &[]);
        let own = vec![past(1), past(2), past(3), place(4, None, false)];
        assert_beyond([own, vec![place(5, None, false)]].concat(), &[4], &[1]);
    }
}
