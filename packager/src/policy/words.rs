//! A policy in words: a line for each thing that somebody may do, so that two policies are compared by
//! their lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bulla_schemas::Name;
use bulla_schemas::line::word;
use bulla_schemas::policy::{BuilderRule, ChannelRule, Policy};
use bulla_schemas::units::exact_time;
use bulla_trust::policy::matches;

use super::change::fingerprint;

/// In a rule: everybody, or every name.
const EVERY: &str = "*";

/// Says what a policy says, without its place in the log.
pub fn describe(policy: &Policy) -> Vec<String> {
    let people = policy.people.iter().flat_map(|person| {
        let keys = person.keys.iter();
        keys.map(|key| format!("{} signs with {}", person.name, fingerprint(key)))
    });
    let root = &policy.root;
    let names: Vec<_> = root.people.iter().map(Name::as_str).collect();
    let root = format!(
        "changing the policy needs {}",
        quorum(root.threshold, &names)
    );
    let channels = policy.channels.iter().map(|rule| channel(policy, rule));
    let log_keys = policy.log_keys.iter();
    let log_keys = log_keys.map(|key| format!("the log is signed with {}", word(key)));
    let witnesses = &policy.witnesses;
    let witnesses = (!witnesses.keys.is_empty()).then(|| {
        let keys: Vec<_> = witnesses.keys.iter().map(|key| word(key)).collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        match witnesses.quorum {
            0 => format!(
                "checkpoints need no witness; {} may cosign",
                keys.join(", ")
            ),
            needed => format!("checkpoints need {}", quorum(needed, &keys)),
        }
    });
    people
        .chain([root])
        .chain(policy.builders.iter().map(builder))
        .chain(channels)
        .chain(log_keys)
        .chain(witnesses)
        .collect()
}

/// Returns the lines that only the first policy has, and those that only the second has.
pub fn difference(before: &Policy, after: &Policy) -> (Vec<String>, Vec<String>) {
    let order = order(before, after);
    let (before, after) = (describe(before), describe(after));
    let only = |these: &[String], those: &[String]| {
        let new = these.iter().filter(|line| !those.contains(line));
        new.cloned().collect()
    };
    let mut come: Vec<String> = only(&after, &before);
    come.extend(order);
    (only(&before, &after), come)
}

/// Says who changes the policy before and after a change, where that is not the same.
pub fn root_change(before: &Policy, after: &Policy) -> Option<String> {
    let quorum = |policy: &Policy| {
        let names: Vec<_> = policy.root.people.iter().map(Name::as_str).collect();
        format!("{} of {}", policy.root.threshold, names.join(", "))
    };
    (before.root != after.root).then(|| {
        format!(
            "who changes the policy: {} now, and {} after this",
            quorum(before),
            quorum(after)
        )
    })
}

/// Says in which order the rules of channels are looked at, where that has changed or decides about a
/// rule that has: the first that matches counts.
fn order(before: &Policy, after: &Policy) -> Option<String> {
    let stays = |these: &Policy, those: &Policy| -> Vec<ChannelRule> {
        let rules = these.channels.iter();
        let rules = rules.filter(|rule| those.channels.contains(rule));
        rules.cloned().collect()
    };
    let places = |policy: &Policy| policy.channels.iter().map(place).collect::<Vec<_>>();
    let (old, new) = (places(before), places(after));
    let is_reordered = stays(before, after) != stays(after, before);
    // A rule that changed where it stands decides about what it did before.
    let is_in_place = old == new && is_distinct(&new);
    let comes = |at: &usize| !before.channels.contains(&after.channels[*at]);
    let mut coming = (0..after.channels.len()).filter(comes);
    let decides = !is_in_place && coming.any(|at| is_overlapped(after, at));
    (is_reordered || decides).then(|| {
        let rules = after.channels.iter().map(|rule| in_order(after, rule));
        let order = rules.collect::<Vec<_>>().join(", then ");
        format!("the first rule that matches decides, in this order: {order}")
    })
}

fn is_distinct(places: &[String]) -> bool {
    places.iter().collect::<BTreeSet<_>>().len() == places.len()
}

/// Tells whether another rule is for some of the channels of one.
fn is_overlapped(policy: &Policy, at: usize) -> bool {
    let meets = |one: &str, other: &str| matches(one, other) || matches(other, one);
    let rule = &policy.channels[at];
    let others = policy.channels.iter().enumerate();
    others.filter(|(other, _)| *other != at).any(|(_, other)| {
        meets(&rule.project, &other.project) && meets(&rule.channel, &other.channel)
    })
}

/// Names a rule among the others: by its place, and by what it says where several have that.
fn in_order(policy: &Policy, rule: &ChannelRule) -> String {
    let place = place(rule);
    let mut same = policy
        .channels
        .iter()
        .filter(|one| self::place(one) == place);
    if same.nth(1).is_some() {
        channel(policy, rule)
    } else {
        place
    }
}

fn builder(rule: &BuilderRule) -> String {
    format!(
        "builder {} ({}, {}) may release {} from {}, {}",
        rule.name,
        fingerprint(&rule.key),
        word(&rule.builder_id),
        patterns(&rule.projects, "every project"),
        patterns(&rule.sources, "every source"),
        patterns(&rule.refs, "every ref"),
    )
}

fn channel(policy: &Policy, rule: &ChannelRule) -> String {
    let mut signers: Vec<_> = rule.people.iter().map(String::as_str).collect();
    if signers.contains(&EVERY) {
        signers = policy.people.iter().map(|one| one.name.as_str()).collect();
    }
    signers.extend(rule.builders.iter().map(Name::as_str));
    let mut line = format!(
        "moving {} needs {}",
        place(rule),
        quorum(rule.threshold, &signers)
    );
    if let Some(via) = &rule.via {
        let _ = write!(line, ", and that the release was on `{via}` before");
    }
    if let Some(seconds) = rule.max_age {
        let _ = write!(
            line,
            ", and a checkpoint on the server that was cosigned in the last {}",
            exact_time(seconds)
        );
    }
    line
}

/// Names the channels that a rule is for.
pub fn place(rule: &ChannelRule) -> String {
    match (rule.channel.as_str(), rule.project.as_str()) {
        (EVERY, EVERY) => "every channel".to_owned(),
        (channel, EVERY) => format!("{} of every project", named(channel)),
        (EVERY, project) => format!("every channel of {}", word(project)),
        (channel, project) => format!("{} of {}", named(channel), word(project)),
    }
}

/// A pattern of channels as it is typed, or in quotes where it is none that a channel can have.
fn named(channel: &str) -> String {
    let word = word(channel);
    if word == channel {
        format!("`{channel}`")
    } else {
        word
    }
}

fn quorum(threshold: u32, names: &[&str]) -> String {
    match names {
        [only] if threshold == 1 => (*only).to_owned(),
        names => format!("{threshold} of {}", names.join(", ")),
    }
}

fn patterns(patterns: &[String], every: &str) -> String {
    if patterns.iter().any(|pattern| pattern == EVERY) {
        every.to_owned()
    } else {
        let words: Vec<_> = patterns.iter().map(|pattern| word(pattern)).collect();
        words.join(" or ")
    }
}
