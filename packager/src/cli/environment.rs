//! The one place that reads the process' environment and clock.

use std::path::PathBuf;

use bulla_schemas::Timestamp;

/// Returns a variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "this is cli/")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Finds a program in `PATH`.
#[expect(clippy::disallowed_methods, reason = "this is cli/")]
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(name));
    candidates.find(|candidate| candidate.is_absolute() && candidate.is_file())
}

/// Returns the time, for people to read.
#[expect(clippy::disallowed_methods, reason = "this is cli/")]
pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(jiff::Timestamp::now().as_second()).unwrap_or(Timestamp::EPOCH)
}

/// Returns `$XDG_CONFIG_HOME/bulla`, or `~/.config/bulla`.
pub(super) fn configuration_directory() -> Option<PathBuf> {
    base_directory("XDG_CONFIG_HOME", ".config")
}

/// Returns `$XDG_STATE_HOME/bulla`, or `~/.local/state/bulla`.
pub(super) fn state_directory() -> Option<PathBuf> {
    base_directory("XDG_STATE_HOME", ".local/state")
}

/// Returns `$XDG_CACHE_HOME/bulla`, or `~/.cache/bulla`.
pub(super) fn cache_directory() -> Option<PathBuf> {
    base_directory("XDG_CACHE_HOME", ".cache")
}

/// Returns the person's home directory.
pub(super) fn home_directory() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// The XDG Base Directory Specification asks to ignore relative paths.
fn base_directory(name: &str, below_home: &str) -> Option<PathBuf> {
    variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| home_directory().map(|home| home.join(below_home)))
        .map(|directory| directory.join("bulla"))
}
