//! The commands that messages tell people to run, whole.

use crate::site::{Command, Site};
use crate::state::history::History;
use crate::state::hold;
use crate::tree::note;

/// Returns the install of the channel that the server follows, as far as that is known; of the
/// release that the server is held on, where it is.
pub(super) fn install(site: &Site, history: &History) -> Command {
    let noted = || {
        let hash = crate::live::current::read(site).ok()??;
        note::read(site, &hash).map(|note| note.channel)
    };
    let channel = history.channel().cloned().or_else(noted);
    let channel = channel.map_or_else(|| "CHANNEL".to_owned(), |channel| channel.to_string());
    let held = match hold::read(&site.hold()) {
        // Another release would only be told that the server is held.
        Ok(Some(hold)) => format!(" {} --pin-old", hold.hash.short()),
        _ => String::new(),
    };
    Command::new(format!(
        "install {} --channel {channel}{held}",
        site.project()
    ))
}

/// Returns the rollback to the release before.
pub(super) fn rollback(site: &Site) -> Command {
    Command::new(format!("rollback {} -m REASON", site.project()))
}
