//! What the hooks and checks of an activation wrote, one file for each activation. People read it to
//! find out why a release failed; nothing is decided by it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use super::error::StateError;
use crate::platform::files;
use crate::site::Site;

/// Of how many activations the output is kept.
const KEPT: u64 = 20;

/// Begins the output of an activation, and forgets that of old ones. What cannot be written is
/// lost: a full disk must not stop a rollback.
pub(crate) fn begin(site: &Site, number: u64) {
    let directory = site.outputs();
    let _ = files::create_private_directory(&directory);
    let _ = fs::remove_file(directory.join(number.to_string()));
    for old in numbers(site) {
        if old + KEPT <= number {
            let _ = fs::remove_file(directory.join(old.to_string()));
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
