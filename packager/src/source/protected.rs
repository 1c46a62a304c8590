//! git's settings that no checkout can make: those of the system, the user and the environment
//! (git-config(1), "protected configuration"). They are read without running `git`.

use std::path::{Path, PathBuf};

use gix::bstr::BString;
use gix::config::file::{Metadata, includes, init};
use gix::config::{File, Source};

/// Returns all values of `key`, the more important ones later.
pub(super) fn values(key: &str) -> Vec<BString> {
    let mut values = Vec::new();
    for path in files() {
        let home = gix::path::env::home_dir();
        let options = init::Options {
            includes: includes::Options::follow_without_conditional(home.as_deref()),
            ..Default::default()
        };
        let metadata = Metadata {
            path: Some(path),
            source: Source::User,
            level: 0,
            trust: gix::sec::Trust::Full,
        };
        // A file that cannot be read says nothing.
        if let Ok(Some(file)) = File::from_paths_metadata([metadata], options) {
            values.extend(file.strings(key).unwrap_or_default());
        }
    }
    if let Ok(file) = File::from_environment_overrides() {
        values.extend(file.strings(key).unwrap_or_default());
    }
    values
}

/// Returns the path that a setting means, where it is absolute or begins with `~`.
pub(super) fn expanded(value: BString) -> Option<PathBuf> {
    let home = gix::path::env::home_dir();
    let context = gix::config::path::interpolate::Context {
        home_dir: home.as_deref(),
        home_for_user: Some(gix::config::path::interpolate::home_for_user),
        ..Default::default()
    };
    let path = gix::config::Path::from(value).interpolate(context);
    path.ok()
}

fn files() -> Vec<PathBuf> {
    let mut variable = |name: &str| gix::path::env::var(name);
    let mut files: Vec<PathBuf> = installation().into_iter().collect();
    for source in [Source::System, Source::Git, Source::User] {
        files.extend(source.storage_location(&mut variable));
    }
    files.dedup();
    files.retain(|file| file.is_file());
    files
}

/// Returns the system's file of a `git` that was built with a prefix of its own.
fn installation() -> Option<PathBuf> {
    let is_overridden = ["GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"]
        .into_iter()
        .any(|name| gix::path::env::var(name).is_some());
    if is_overridden {
        return None;
    }
    let search = gix::path::env::var("PATH")?;
    let mut directories = std::env::split_paths(&search).filter(|path| path.is_absolute());
    let directory = directories.find(|directory| directory.join("git").is_file())?;
    let prefix = directory
        .parent()
        .filter(|prefix| *prefix != Path::new("/usr"))?;
    Some(prefix.join("etc").join("gitconfig"))
}
