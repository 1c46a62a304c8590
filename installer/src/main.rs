//! Starts the program and ends it.

use std::process::ExitCode;

fn main() -> ExitCode {
    bulla_installer::cli::run(std::env::args_os())
}
