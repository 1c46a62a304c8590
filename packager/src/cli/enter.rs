//! `bulla enter`: what `bulla` starts on the way into the sandbox of a build. Not for people.

use std::path::PathBuf;
use std::process::ExitCode;

use bulla_terminal::Failure;
use clap::Args;

/// Do what a file of a build's private directory says
#[derive(Debug, Args)]
pub(super) struct EnterArguments {
    file: PathBuf,
}

#[cfg(target_os = "linux")]
pub(super) fn run(arguments: &EnterArguments) -> Result<ExitCode, Failure> {
    let status = crate::build::enter(&arguments.file)
        .map_err(|error| Failure::io("cannot enter the build", error))?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn run(_: &EnterArguments) -> Result<ExitCode, Failure> {
    Err(crate::build::BuildError::NotLinux.into())
}
