//! `bulla channel`: which channels there are, and who may move them.

use bulla_schemas::policy::ChannelRule;
use bulla_schemas::{ChannelName, Name};
use bulla_terminal::Failure;
use clap::{Args, Subcommand};

use super::policy::{ChangeArguments, change};
use super::session::Session;
use crate::policy::Change;

/// Add channels to the policy, or take them out
#[derive(Debug, Args)]
pub(super) struct ChannelArguments {
    #[command(subcommand)]
    command: ChannelCommand,
}

#[derive(Debug, Subcommand)]
enum ChannelCommand {
    Add(AddArguments),
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
        ChannelCommand::Remove(arguments) => {
            let channel = Change::RemoveChannel {
                project: arguments.of.clone(),
                channel: arguments.channel.to_string(),
            };
            change(session, &arguments.change, &channel).await
        }
    }
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
        threshold: 1,
        via: arguments.via.clone(),
        max_age: None,
    }
}
