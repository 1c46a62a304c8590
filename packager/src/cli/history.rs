//! `bulla history`: who moved which channel where, when and why.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use bulla_schemas::ChannelName;
use bulla_schemas::api::Promotion;
use bulla_schemas::statement::Action;
use bulla_terminal::{Failure, Table, stderr, stdout};
use clap::Args;

use super::changes::names;
use super::session::Session;
use crate::resolve;

/// Show who moved a project's channels where, when and why, newest first
///
/// Read from the verified log: it cannot have been edited, hidden or reordered.
#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// Only this channel
    #[arg(value_name = "CHANNEL")]
    channel: Option<ChannelName>,
    /// Print at most this many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &HistoryArguments) -> Result<(), Failure> {
    let project = session.project()?;
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    match &arguments.channel {
        Some(channel) => resolve::known_channel(state, &project, channel)?,
        None => resolve::known_project(state, &project)?,
    }
    let promotions = state.promotions(&project).rev().map(Promotion::from);
    let wanted = |promotion: &Promotion| {
        let channel = arguments.channel.as_ref();
        channel.is_none_or(|channel| promotion.channel == *channel)
    };
    let limit = arguments.limit.map_or(usize::MAX, NonZeroUsize::get);
    let promotions: Vec<_> = promotions.filter(wanted).take(limit).collect();
    if arguments.json {
        return Ok(stdout::json(&promotions)?);
    }
    if promotions.is_empty() {
        stderr::say(match &arguments.channel {
            Some(channel) => format!("nothing was promoted to `{channel}` of {project} yet"),
            None => format!("nothing was promoted in {project} yet"),
        });
        return Ok(());
    }
    let mut table = Table::new(&["WHEN", "CHANNEL", "WHAT", "HASH", "BY", "WHY"]).wrap(&["WHY"]);
    for promotion in promotions {
        table.row([
            promotion.issued_at.to_string(),
            promotion.channel.to_string(),
            what(&promotion),
            promotion.hash.short(),
            names(&promotion.people),
            promotion.reason,
        ]);
    }
    Ok(table.print()?)
}

/// What was done, with what it says of waves and windows.
fn what(promotion: &Promotion) -> String {
    let mut what = promotion.action.to_string();
    if let Some(up_to) = promotion.up_to {
        let _ = write!(what, " up to wave {up_to}");
    }
    if let Some(waves) = promotion.waves {
        let _ = write!(what, ", waves: {waves}");
    }
    match (promotion.action, promotion.urgent) {
        (Action::Promote, true) => what.push_str(", urgent"),
        (Action::Rollback, false) => what.push_str(", in windows"),
        _ => {}
    }
    what
}
