//! What an install did, or would do, in a sentence.

use bulla_schemas::units::count;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_terminal::bytes;

use crate::operation::{Installed, Outcome, Preview, Waiting};
use crate::state::Hold;

/// Says what would be done.
pub(super) fn would(project: &ProjectName, channel: &ChannelName, found: &Preview) -> String {
    let hash = found.hash.short();
    let place = format!("{project} {channel}");
    if let Some(hold) = &found.hold {
        return held(&place, hold);
    }
    if let Some(waiting) = found.waiting.as_ref().filter(|_| found.is_done) {
        return waits(&place, found.from, waiting);
    }
    match found.from {
        Some(_) if found.is_done => format!("{place}: {hash} is live already"),
        Some(from) if from == found.hash => format!(
            "{place}: {hash} is live, but its tree was changed and would be written again; nothing \
             was done"
        ),
        Some(from) => {
            let why = found.waiting.as_ref();
            let why = why.map_or_else(String::new, |waiting| format!("; {}", waiting.reason));
            format!("{place}: {} -> {hash}, nothing was done{why}", from.short())
        }
        None => format!("{place}: {hash}, nothing was done"),
    }
}

fn held(place: &str, hold: &Hold) -> String {
    let (hash, since) = (hold.hash.short(), hold.since);
    let by = hold.by.as_ref();
    let by = by.map_or_else(String::new, |by| format!(" by {by}"));
    let why = hold.reason.as_ref();
    let why = why.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{place}: held on {hash} since {since}{by}{why}; `--release-hold` goes on")
}

fn waits(place: &str, live: Option<Digest>, waiting: &Waiting) -> String {
    let live = live.map_or_else(|| "nothing is live".to_owned(), |live| live.short());
    format!("{place}: {live}; {}; `--now` does not wait", waiting.reason)
}

/// Says what was done: `acme/billing prod: 8d10... -> 9f2c..., 3 files, 2.1 kB`.
pub(in crate::cli) fn did(
    project: &ProjectName,
    channel: &ChannelName,
    installed: &Installed,
) -> String {
    let hash = installed.hash.short();
    let place = format!("{project} {channel}");
    let from = match installed.from {
        Some(from) if from != installed.hash => format!("{} -> {hash}", from.short()),
        _ => hash.clone(),
    };
    if let Some(waiting) = &installed.meanwhile {
        return format!("{place}: {from}; {}; `--now` does not wait", waiting.reason);
    }
    match &installed.outcome {
        Outcome::AlreadyLive => format!("{place}: {hash} is live already"),
        Outcome::Held(hold) => held(&place, hold),
        Outcome::Waiting(waiting) => waits(&place, installed.from, waiting),
        Outcome::OnDisk => format!("{place}: {from}, was on this disk"),
        Outcome::Written {
            files,
            in_place,
            shared: [cloned, copied, linked],
            downloaded,
            resumed,
        } => {
            let ways = [
                (*in_place, "kept in place"),
                (*cloned, "cloned"),
                (*copied, "copied"),
                (*linked, "hard-linked"),
            ];
            let mut parts = vec![count(*files, "file", "files")];
            for (count, way) in ways.into_iter().filter(|(count, _)| *count > 0) {
                parts.push(format!("{count} {way}"));
            }
            parts.push(format!("{} downloaded", bytes(*downloaded)));
            if *resumed > 0 {
                parts.push(format!("{} were here already", bytes(*resumed)));
            }
            format!("{place}: {from}, {}", parts.join(", "))
        }
    }
}
