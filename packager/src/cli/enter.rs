//! `bulla enter`: what `bulla` starts on the way into the sandbox of a build. Not for people: clap
//! does not know it, because completions and lists of commands also show what its help hides.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use bulla_terminal::Failure;

/// Returns the file of a build's private directory that says what to do, when it was asked for.
pub(super) fn requested(arguments: &[OsString]) -> Option<&Path> {
    match arguments {
        [_, command, file] if command == "enter" => Some(Path::new(file)),
        _ => None,
    }
}

#[cfg(target_os = "linux")]
pub(super) fn run(file: &Path) -> Result<ExitCode, Failure> {
    let status =
        crate::build::enter(file).map_err(|error| Failure::io("cannot enter the build", error))?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn run(_: &Path) -> Result<ExitCode, Failure> {
    Err(crate::build::BuildError::NotLinux.into())
}
