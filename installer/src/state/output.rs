//! What the hooks and checks of an activation wrote, one file for each activation. People read it to
//! find out why a release failed; nothing is decided by it but the number of the next activation.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use super::error::StateError;
use super::history::History;
use crate::platform::files;
use crate::site::Site;

/// Of how many activations the output is kept, and of how many attempts besides: an agent that tries
/// again and again must not push out why releases failed.
const KEPT: usize = 20;

/// Returns the number of the next activation. One that failed before the switch is not in the
/// history, and has its number for itself where it wrote something.
pub(crate) fn next_number(site: &Site, history: &History) -> u64 {
    let written = numbers(site).pop().unwrap_or_default();
    history.last_number().max(written) + 1
}

/// Makes room for the output of an activation, and forgets that of old ones. What cannot be written
/// is lost: a full disk must not stop a rollback.
pub(crate) fn begin(site: &Site) {
    let directory = site.outputs();
    let _ = files::create_private_directory(&directory);
    let found = numbers(site);
    if found.len() < KEPT {
        return;
    }
    let history = History::read(&site.history()).unwrap_or_default();
    let (activations, attempts): (Vec<u64>, Vec<u64>) =
        found.into_iter().partition(|number| history.has(*number));
    for numbers in [activations, attempts] {
        // One more is about to come.
        let old = (numbers.len() + 1).saturating_sub(KEPT);
        for number in &numbers[..old] {
            let _ = fs::remove_file(directory.join(number.to_string()));
        }
    }
}

/// Adds to the output of an activation.
pub(crate) fn add(site: &Site, number: u64, text: &str) {
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(site.outputs().join(number.to_string()));
    let _ = opened.and_then(|mut file| file.write_all(text.as_bytes()));
}

/// Returns the output of an activation, where there is some.
pub(crate) fn read(site: &Site, number: u64) -> Result<Option<String>, StateError> {
    let bytes = files::read(&site.outputs().join(number.to_string()))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Returns the numbers of the activations whose output is kept, in order.
pub(crate) fn numbers(site: &Site) -> Vec<u64> {
    let entries = fs::read_dir(site.outputs()).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}
