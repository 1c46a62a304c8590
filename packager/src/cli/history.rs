//! `bulla history`: who moved which channel where, when and why.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use bulla_schemas::ChannelName;
use bulla_schemas::api::Promotion;
use bulla_schemas::statement::{Action, Wave};
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
    let mut promotions: Vec<_> = promotions.filter(wanted).collect();
    if arguments.json {
        promotions.truncate(limit);
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
    for (what, promotion) in told(&promotions).into_iter().take(limit) {
        table.row([
            promotion.issued_at.to_string(),
            promotion.channel.to_string(),
            what,
            promotion.hash.short(),
            names(&promotion.people),
            promotion.reason.clone(),
        ]);
    }
    Ok(table.print()?)
}

/// Says what people did, newest first. The two entries of `promote --again` are one thing.
fn told(newest_first: &[Promotion]) -> Vec<(String, &Promotion)> {
    let mut told = Vec::new();
    let mut is_told = vec![false; newest_first.len()];
    for (place, promotion) in newest_first.iter().enumerate() {
        if is_told[place] {
            continue;
        }
        let mut earlier = newest_first[place + 1..].iter();
        let before = earlier.position(|before| before.channel == promotion.channel);
        let before = before.map(|distance| place + 1 + distance);
        let pause = before.filter(|before| {
            let before = &newest_first[*before];
            before.action == Action::Pause && before.hash == promotion.hash
        });
        let what = match (promotion.action, pause) {
            (Action::Rollback, Some(pause)) if is_again(&newest_first[pause], promotion) => {
                is_told[pause] = true;
                "tried again".to_owned()
            }
            (Action::Rollback, Some(_)) => "went on".to_owned(),
            _ => what(promotion),
        };
        told.push((what, promotion));
    }
    told
}

/// Tells whether a pause and what followed it were signed in one go.
fn is_again(pause: &Promotion, going_on: &Promotion) -> bool {
    let signed = |promotion: &Promotion| {
        let Promotion {
            people,
            reason,
            issued_at,
            ..
        } = promotion.clone();
        (people, reason, issued_at)
    };
    signed(pause) == signed(going_on)
}

/// What was done, with what it says of waves and windows.
fn what(promotion: &Promotion) -> String {
    let mut what = match promotion.up_to {
        Some(Wave::LAST) => "let every wave go".to_owned(),
        Some(up_to) => format!("let waves up to {up_to} go"),
        None => promotion.action.to_string(),
    };
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

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;
    use bulla_schemas::statement::Waves;
    use bulla_trust::statement;
    use bulla_trust::testing::{Organisation, name, project, time};

    use super::*;

    #[test]
    fn says_what_people_did_in_their_words() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "a");
        let (prod, dev): (ChannelName, ChannelName) = (name("prod"), name("dev"));
        let mut promotion = acme.draft("prod", hash);
        promotion.predicate.waves = Some(Waves::Manual);
        acme.append_promotion(&promotion, &["alice"]);
        for (second, up_to) in [(1, 2), (2, 99)] {
            let up_to = up_to.try_into().unwrap();
            let state = &acme.state;
            let widening = statement::widen(
                state,
                &project(),
                &prod,
                up_to,
                "on".to_owned(),
                time(second),
            );
            acme.append_promotion(&widening.unwrap(), &["alice"]);
        }
        let pause = |acme: &mut Organisation, reason: &str, second| {
            let state = &acme.state;
            let pausing =
                statement::pause(state, &project(), &prod, reason.to_owned(), time(second));
            acme.append_promotion(&pausing.unwrap(), &["alice"]);
        };
        let goes_on = |acme: &mut Organisation, reason: &str, second| {
            let (state, reason) = (&acme.state, reason.to_owned());
            let going_on = statement::promote(state, &project(), &prod, hash, reason, time(second));
            acme.append_promotion(&going_on, &["alice"]);
        };
        pause(&mut acme, "an audit", 3);
        acme.promote("dev", hash, &["alice"]);
        goes_on(&mut acme, "the audit is over", 4);
        pause(&mut acme, "disk replaced", 5);
        goes_on(&mut acme, "disk replaced", 5);
        let newest_first: Vec<Promotion> = acme
            .state
            .promotions(&project())
            .rev()
            .map(Promotion::from)
            .collect();
        let told = told(&newest_first);
        let told: Vec<_> = told
            .iter()
            .map(|(what, promotion)| (what.as_str(), &promotion.channel))
            .collect();
        assert_eq!(
            told,
            [
                ("tried again", &prod),
                ("went on", &prod),
                ("promote", &dev),
                ("pause", &prod),
                ("let every wave go", &prod),
                ("let waves up to 2 go", &prod),
                ("promote, waves: manual", &prod),
            ]
        );
        assert_eq!(newest_first[0].hash, Digest::of(b"a"));
        // Going on keeps the urgency of what was promoted.
        assert!(newest_first.iter().all(|one| !one.urgent));
    }
}
