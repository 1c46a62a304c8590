//! Starts the program and ends it.

use std::process::ExitCode;

fn main() -> ExitCode {
    bulla_registry::cli::run()
}
