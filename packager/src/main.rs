//! Starts `bulla` and ends it.

use std::process::ExitCode;

fn main() -> ExitCode {
    bulla_packager::cli::main(std::env::args_os())
}
