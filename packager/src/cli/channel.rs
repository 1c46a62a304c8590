//! `bulla channel`: which channels there are, and who may move them.

use bulla_schemas::policy::ChannelRule;
use bulla_schemas::{ChannelName, Name};
use bulla_terminal::Failure;
use clap::{Args, Subcommand};

use super::length::{self, DAY, MINUTE};
use super::policy::{ChangeArguments, change};
use super::session::Session;
use crate::policy::{Change, RuleChange};

/// Add channels to the policy, change who moves them, or take them out
#[derive(Debug, Args)]
pub(super) struct ChannelArguments {
    #[command(subcommand)]
    command: ChannelCommand,
}

#[derive(Debug, Subcommand)]
enum ChannelCommand {
    Add(AddArguments),
    Change(RuleArguments),
    Remove(RemoveArguments),
}

/// Let people move a channel
///
/// A rule for some projects, such as `--of 'acme/*'`, comes before one for all, and alone decides for
/// these.
#[derive(Debug, Args)]
struct AddArguments {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// The projects, by a pattern that may end in `*`
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    of: String,
    /// A person who may; everybody where none is named
    #[arg(long = "person", value_name = "NAME")]
    people: Vec<Name>,
    /// A channel that the release must have been on before
    #[arg(long, value_name = "CHANNEL")]
    via: Option<ChannelName>,
    /// How long ago witnesses may have vouched for the log, such as `12h` or `7d`: servers install
    /// nothing new by an older one
    #[arg(long, value_name = "TIME", value_parser = age)]
    max_age: Option<u64>,
    /// How many of them have to sign
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    threshold: u32,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Change the rule for a channel; what is not named stays
///
/// `--threshold 2` protects a channel: no promotion, rollback or pause counts that one person signed, and
/// so each is proposed by one and approved by another.
#[derive(Debug, Args)]
struct RuleArguments {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// The projects, as the rule says them
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    of: String,
    /// A person who may, in the place of those who might
    #[arg(long = "person", value_name = "NAME")]
    people: Vec<Name>,
    /// Let everybody
    #[arg(long, conflicts_with = "people")]
    everybody: bool,
    /// A channel that the release must have been on before
    #[arg(long, value_name = "CHANNEL")]
    via: Option<ChannelName>,
    /// Let releases come without another channel before
    #[arg(long, conflicts_with = "via")]
    direct: bool,
    /// How long ago witnesses may have vouched for the log; servers install nothing new by an older one
    #[arg(long, value_name = "TIME", value_parser = age)]
    max_age: Option<u64>,
    /// Let servers install by a log of any age
    #[arg(long, conflicts_with = "max_age")]
    any_age: bool,
    /// How many of them have to sign
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    threshold: Option<u32>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Take a rule for a channel out
///
/// Where no other rule is for the channel, nobody may move it any more; servers keep what they have.
#[derive(Debug, Args)]
struct RemoveArguments {
    /// The channel
    #[arg(value_name = "CHANNEL")]
    channel: ChannelName,
    /// The projects, as the rule says them
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    of: String,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) async fn run(session: &Session, arguments: &ChannelArguments) -> Result<(), Failure> {
    match &arguments.command {
        ChannelCommand::Add(arguments) => {
            let channel = Change::AddChannel(rule(arguments));
            change(session, &arguments.change, &channel).await
        }
        ChannelCommand::Change(arguments) => {
            let channel = Change::ChangeChannel(rule_change(arguments)?);
            change(session, &arguments.change, &channel).await
        }
        ChannelCommand::Remove(arguments) => {
            let channel = Change::RemoveChannel {
                project: arguments.of.clone(),
                channel: arguments.channel.to_string(),
            };
            change(session, &arguments.change, &channel).await
        }
    }
}

fn rule_change(arguments: &RuleArguments) -> Result<RuleChange, Failure> {
    let people: Vec<_> = arguments.people.iter().map(Name::to_string).collect();
    let change = RuleChange {
        project: arguments.of.clone(),
        channel: arguments.channel.to_string(),
        people: match people.as_slice() {
            [] => arguments.everybody.then(|| vec!["*".to_owned()]),
            _ => Some(people),
        },
        threshold: arguments.threshold,
        via: match &arguments.via {
            None => arguments.direct.then_some(None),
            via => Some(via.clone()),
        },
        max_age: match arguments.max_age {
            None => arguments.any_age.then_some(None),
            max_age => Some(max_age),
        },
    };
    let is_nothing = change.people.is_none()
        && change.threshold.is_none()
        && change.via.is_none()
        && change.max_age.is_none();
    if is_nothing {
        return Err(
            Failure::usage("nothing is named that is to be different").with_hint(
                "give --threshold, --person, --everybody, --via, --direct, --max-age or --any-age",
            ),
        );
    }
    Ok(change)
}

fn rule(arguments: &AddArguments) -> ChannelRule {
    let people: Vec<_> = arguments.people.iter().map(Name::to_string).collect();
    ChannelRule {
        project: arguments.of.clone(),
        channel: arguments.channel.to_string(),
        people: if people.is_empty() {
            vec!["*".to_owned()]
        } else {
            people
        },
        builders: Vec::new(),
        threshold: arguments.threshold,
        via: arguments.via.clone(),
        max_age: arguments.max_age,
    }
}

/// Reads an age in whole seconds.
fn age(text: &str) -> Result<u64, String> {
    let expected = || format!("expected an age such as `12h` or `7d`, found {text:?}");
    length::seconds(text, MINUTE..=365 * DAY).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit_and_lies_between_a_minute_and_a_year() {
        assert_eq!(age("90m"), Ok(5400));
        assert_eq!(age("7d"), Ok(604_800));
        for wrong in [
            "",
            "7",
            "0m",
            "366d",
            "d",
            "1w",
            "-1h",
            "99999999999999999999d",
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
