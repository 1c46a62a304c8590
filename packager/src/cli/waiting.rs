//! What waits for witnesses, in a sentence.

use bulla_registry_client::LogFollower;
use bulla_terminal::{count, stderr};

/// Says that servers do not have the newest entries of the log yet, where that is so.
pub(super) fn say(log: &LogFollower) {
    let Some(witnessed) = log.witnessed() else {
        return;
    };
    let waiting = log.state().size() - witnessed;
    stderr::note(format_args!(
        "{} of the log until witnesses have cosigned: servers go by the first {witnessed}",
        count(waiting, "entry waits at the end", "entries wait at the end"),
    ));
}
