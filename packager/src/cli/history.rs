//! `bulla history`: who moved which channel where, when and why.

use bulla_schemas::api::HistoryItem;
use bulla_schemas::{ChannelName, ProjectName};
use bulla_trust::{LogState, Promotion};
use clap::Args;

use super::failure::Failure;
use super::output;
use super::session::Session;

/// Shows who moved a project's channels where, when and why, newest first.
///
/// Read from the verified log: nobody can have edited, hidden or reordered it.
#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// Only this channel.
    #[arg(value_name = "CHANNEL")]
    channel: Option<ChannelName>,
    /// Lists as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &HistoryArguments) -> Result<(), Failure> {
    let project = session.project()?;
    let client = session.client()?;
    let log = session.log(&client).await?;
    let wanted = |promotion: &&Promotion| {
        let channel = arguments.channel.as_ref();
        channel.is_none_or(|channel| promotion.channel == *channel)
    };
    let promotions = log.state().promotions(&project).rev().filter(wanted);
    let items: Vec<_> = promotions.map(HistoryItem::from).collect();
    if arguments.json {
        output::json(&items)
    } else if items.is_empty() {
        say_nothing(log.state(), &project, arguments.channel.as_ref());
        Ok(())
    } else {
        print(&items)
    }
}

/// A slip of the pen must not look like a channel that nobody moved.
fn say_nothing(state: &LogState, project: &ProjectName, channel: Option<&ChannelName>) {
    if state.releases(project).next().is_none() {
        output::say(format_args!("the log has no release of {project}"));
        return;
    }
    let heads: Vec<_> = state.channels(project).collect();
    match channel {
        Some(channel) if !heads.is_empty() => {
            let heads: Vec<_> = heads.iter().map(|head| head.channel.as_str()).collect();
            output::say(format_args!(
                "nothing was promoted to `{channel}` of {project} yet; channels in use: {}",
                heads.join(", ")
            ));
        }
        _ => output::say(format_args!("nothing was promoted in {project} yet")),
    }
}

fn print(items: &[HistoryItem]) -> Result<(), Failure> {
    let mut table = output::table(&["WHEN", "CHANNEL", "SEQ", "WHAT", "HASH", "BY", "WHY"]);
    for item in items {
        table.add_row([
            item.issued_at.to_string(),
            item.channel.to_string(),
            item.seq.to_string(),
            item.action.to_string(),
            item.hash.short(),
            output::names(&item.people),
            output::text(&item.reason),
        ]);
    }
    output::print_table(&mut table, &[6])
}
