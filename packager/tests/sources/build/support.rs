//! How the tests build: with this program and the machine's own sandboxes.

use std::path::PathBuf;

use bulla_packager::build::{BuildOptions, Listener, Surroundings, Tools};

/// Where the machine has a program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::vars_os()
        .find(|(variable, _)| variable == "PATH")?
        .1;
    let mut found = std::env::split_paths(&path).map(|directory| directory.join(name));
    found.find(|program| program.is_file())
}

/// A build in whichever sandbox works.
pub(crate) fn options() -> BuildOptions {
    BuildOptions {
        program: env!("CARGO_BIN_EXE_bulla").into(),
        tools: Tools {
            bubblewrap: find("bwrap"),
            unshare: find("unshare"),
        },
        no_sandbox: false,
        spool: std::env::temp_dir(),
        logs: std::env::temp_dir().join("bulla-test-builds"),
        surroundings: Surroundings::usual(),
        listener: Listener::nobody(),
    }
}
