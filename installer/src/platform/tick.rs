//! The clock of a file system. What changes twice within one tick of it has the same times after both
//! changes, so a stamp that is as young as that tells nothing; git calls such a file racy
//! (Documentation/technical/racy-git.txt).
//!
//! A tick lasts some milliseconds on most file systems, and a second on those that keep no parts of
//! one.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, fchmod, fstat};

use super::directory::open_top;
use super::stamp::Stamp;

/// How long to sleep before the clock is read again, and how often: for longer than its longest tick.
const NAP: Duration = Duration::from_millis(2);
const NAPS: usize = 1500;

/// Returns the time that a change in a directory's file system has now, in nanoseconds since 1970.
/// The directory gets the mode that it has, which takes its owner.
pub(crate) fn now(directory: &Path) -> io::Result<i128> {
    let directory = open_top(directory)?;
    let mode = Mode::from_raw_mode(fstat(&directory)?.st_mode & 0o7777);
    fchmod(&directory, mode)?;
    Ok(Stamp::of(&directory)?.ctime)
}

/// Waits until whatever changes gets a later time than `time`. Tells whether that came.
pub(crate) fn wait_past(directory: &Path, time: i128) -> io::Result<bool> {
    for _ in 0..NAPS {
        if now(directory)? > time {
            return Ok(true);
        }
        thread::sleep(NAP);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_changes_after_the_wait_has_another_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for _ in 0..20 {
            fs::write(&path, "old").unwrap();
            let before = Stamp::of(fs::File::open(&path).unwrap()).unwrap();
            assert!(wait_past(folder.path(), before.ctime).unwrap());
            fs::write(&path, "new").unwrap();
            let after = Stamp::of(fs::File::open(&path).unwrap()).unwrap();
            assert!(before.ctime < after.ctime);
        }
    }

    #[test]
    fn a_time_that_does_not_come_is_waited_for_no_longer_than_a_tick() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!wait_past(folder.path(), i128::MAX).unwrap());
    }
}
