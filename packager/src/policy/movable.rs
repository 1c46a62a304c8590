//! Refuses changes after which a rule could never be followed: there are too few people for it, a release
//! never comes to the channel before it, or another rule decides in its place.

use bulla_schemas::policy::{ChannelRule, Policy};
use bulla_trust::policy::matches;

use super::error::ChangeError;

/// Refuses the `next` policy where a rule of it cannot be met any more.
pub(super) fn require(current: &Policy, next: &Policy) -> Result<(), ChangeError> {
    for rule in &next.channels {
        let before = position(current, &rule.project, &rule.channel);
        let before = before.map(|place| &current.channels[place]);
        // What somebody let into effect long ago keeps nobody from changing something else.
        if is_short(next, rule) && before.is_none_or(|before| !is_short(current, before)) {
            return Err(ChangeError::TooFewPeople {
                project: rule.project.clone(),
                channel: rule.channel.clone(),
                threshold: rule.threshold,
                people: people(next, rule),
            });
        }
        require_way(next, rule)?;
        if let Some(wider) = shadowing(next, rule)
            && before.is_none_or(|before| shadowing(current, before).is_none())
        {
            return Err(ChangeError::Shadowed {
                project: rule.project.clone(),
                channel: rule.channel.clone(),
                by: format!("`{}` of `{}`", wider.channel, wider.project),
            });
        }
    }
    Ok(())
}

/// The rule that is written for exactly these projects and channels.
pub(super) fn position(policy: &Policy, project: &str, channel: &str) -> Option<usize> {
    let is_it = |rule: &ChannelRule| rule.project == project && rule.channel == channel;
    policy.channels.iter().position(is_it)
}

/// Tells whether a rule is for all of these projects and channels.
pub(super) fn covers(rule: &ChannelRule, project: &str, channel: &str) -> bool {
    matches(&rule.project, project) && matches(&rule.channel, channel)
}

/// Returns the rule because of which another one never decides: it is for all that the other is for, and
/// stands before it.
fn shadowing<'a>(policy: &'a Policy, rule: &ChannelRule) -> Option<&'a ChannelRule> {
    let place = position(policy, &rule.project, &rule.channel)?;
    let mut before = policy.channels[..place].iter();
    before.find(|one| covers(one, &rule.project, &rule.channel))
}

/// Tells whether there are too few people for a rule. A builder can move a channel alone; nothing has
/// it approve what people decide.
fn is_short(policy: &Policy, rule: &ChannelRule) -> bool {
    let alone = usize::from(!rule.builders.is_empty());
    rule.threshold as usize > people(policy, rule).max(alone)
}

fn people(policy: &Policy, rule: &ChannelRule) -> usize {
    if rule.people.iter().any(|person| person == "*") {
        policy.people.len()
    } else {
        rule.people.len()
    }
}

/// Refuses a channel that nobody could ever move, because the one that comes before it cannot be, or
/// comes after it.
fn require_way(policy: &Policy, rule: &ChannelRule) -> Result<(), ChangeError> {
    let Some(via) = &rule.via else { return Ok(()) };
    let leads = |one: &ChannelRule| {
        let of_same = matches(&one.project, &rule.project) || matches(&rule.project, &one.project);
        of_same && matches(&one.channel, via.as_str())
    };
    if !policy.channels.iter().any(leads) {
        return Err(ChangeError::NoWay {
            project: rule.project.clone(),
            channel: rule.channel.clone(),
            via: via.to_string(),
        });
    }
    let mut way = Vec::new();
    let mut before = Some(via);
    while let Some(via) = before {
        let is_met = rule.channel == via.as_str() || way.contains(&via.to_string());
        way.push(via.to_string());
        if is_met {
            return Err(ChangeError::Circle {
                project: rule.project.clone(),
                channel: rule.channel.clone(),
                way,
            });
        }
        let decides = |one: &&ChannelRule| covers(one, &rule.project, via.as_str());
        before = policy
            .channels
            .iter()
            .find(decides)
            .and_then(|one| one.via.as_ref());
    }
    Ok(())
}
