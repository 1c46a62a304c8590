//! What commands leave when they change a project, so that the agent sees that one did.

use std::path::Path;

use crate::platform::stamp::Stamp;
use crate::site::Site;

/// How the files were that commands change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace([Stamp; 5]);

impl Trace {
    pub(super) fn of(site: &Site) -> Self {
        let files = [
            site.current(),
            site.history(),
            site.hold(),
            site.quarantine(),
            site.attempt(),
        ];
        Self(files.each_ref().map(|path| stamp(path)))
    }
}

fn stamp(path: &Path) -> Stamp {
    rustix::fs::lstat(path).map_or(Stamp::NONE, |found| Stamp::from_stat(&found))
}
