//! Places where a test build ends its own process as `kill -9` does.
//!
//! Only builds with the feature `failpoints` have them; in all others the macro is nothing. A
//! place that is not in [`POINTS`] does not compile, so a test that goes through the list misses
//! none.

/// Every place, named after its module, in the order in which an install or a rollback comes by.
pub(crate) const POINTS: &[&str] = &[
    "locked::lock-taken",
    "log::synced",
    "install::resolved",
    "install::index-stored",
    "pull::half-of-the-payload",
    "take-out::moved",
    "recycle::moved",
    "recycle::cleaned",
    "extract::directories-made",
    "extract::half-of-the-files",
    "extract::links-made",
    "write::before-sync",
    "write::record-written",
    "write::synced",
    "write::tree-in-place",
    "activation::prepare-begun",
    "activation::prepared",
    "load-balancer::marked",
    "load-balancer::drained",
    "activation::journal-written",
    "activation::deactivated",
    "current::link-prepared",
    "current::switched",
    "activation::activate-begun",
    "activation::activated",
    "activation::watch-begun",
    "activation::watched",
    "activation::return-begun",
    "activation::failure-written",
    "activation::history-written",
    "activation::hold-written",
    "activation::journal-removed",
    "load-balancer::undrained",
    "releases::moved",
    "garbage::before-remove",
    "rollback::checked",
    "recover::before-finish",
];

/// Ends the process here when a failpoint build was told to.
macro_rules! failpoint {
    ($name:literal) => {
        const { assert!($crate::failpoint::is_listed($name), "list it in POINTS") };
        #[cfg(feature = "failpoints")]
        $crate::failpoint::reach($name);
    };
}
pub(crate) use failpoint;

/// Tells whether the place is in [`POINTS`].
pub(crate) const fn is_listed(name: &str) -> bool {
    let mut position = 0;
    while position < POINTS.len() {
        if equal(POINTS[position].as_bytes(), name.as_bytes()) {
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
#[cfg(feature = "failpoints")]
#[expect(
    clippy::disallowed_methods,
    reason = "never part of a normal build; a flag would have to go through every function"
)]
pub(crate) fn reach(name: &str) {
    if std::env::var_os("BULLA_FAILPOINT").is_some_and(|chosen| chosen == name) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal may take a moment; nothing may happen meanwhile.
        loop {
            std::thread::park();
        }
    }
}
