//! Places where a test build ends its own process as `kill -9` does.
//!
//! Only builds with the feature `failpoints` do so; in all others a place is nothing. Each program
//! lists its places in a `POINTS` of its module `failpoint`. A place that is not in it does not
//! compile, so a test that goes through the list misses none.

/// Ends the process here when a failpoint build was told to.
#[macro_export]
#[expect(
    clippy::crate_in_macro_def,
    reason = "the list is the one of the program that has the place"
)]
macro_rules! failpoint {
    ($name:literal) => {
        const {
            let is_listed = $crate::failpoint::is_listed(crate::failpoint::POINTS, $name);
            assert!(is_listed, "list it in POINTS");
        };
        $crate::failpoint::reach($name);
    };
}

/// Tells whether a place is in a list.
pub const fn is_listed(points: &[&str], name: &str) -> bool {
    let mut position = 0;
    while position < points.len() {
        if equal(points[position].as_bytes(), name.as_bytes()) {
            return true;
        }
        position += 1;
    }
    false
}

const fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut position = 0;
    while position < left.len() {
        if left[position] != right[position] {
            return false;
        }
        position += 1;
    }
    true
}

/// Kills this process when `BULLA_FAILPOINT` names the place.
#[cfg(all(unix, feature = "failpoints"))]
#[expect(
    clippy::disallowed_methods,
    reason = "never part of a normal build; a flag would have to go through every function"
)]
pub fn reach(name: &str) {
    if std::env::var_os("BULLA_FAILPOINT").is_some_and(|chosen| chosen == name) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal may take a moment; nothing may happen meanwhile.
        loop {
            std::thread::park();
        }
    }
}

/// Does nothing.
#[cfg(not(all(unix, feature = "failpoints")))]
pub const fn reach(_: &str) {}
