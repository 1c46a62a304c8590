//! How the commands that pack build: where the programs are, and who hears what a build says.

use std::path::Path;

use super::environment;
use super::failure::Failure;
use super::progress::Bar;
use crate::build::{BuildOptions, Listener, Surroundings, Tools};

/// Returns how to build, in the usual surroundings.
pub(super) fn options(no_sandbox: bool, spool: &Path, bar: &Bar) -> Result<BuildOptions, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::io("cannot find the program itself", error))?;
    Ok(BuildOptions {
        program,
        tools: Tools {
            bubblewrap: environment::find_program("bwrap"),
            unshare: environment::find_program("unshare"),
        },
        no_sandbox,
        spool: spool.to_owned(),
        reserve: crate::build::reserve(spool),
        // Without a home the output stays beside the temporary files.
        logs: environment::state_directory()
            .map_or_else(|| spool.to_owned(), |state| state.join("builds")),
        surroundings: Surroundings::usual(),
        listener: Listener::new(bar.talk()),
    })
}
