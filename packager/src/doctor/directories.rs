//! The directories that Bulla writes to: whether it can, and how much lies there.

use bulla_schemas::report::{Finding, Step};
use bulla_schemas::units::bytes;
use std::fs;
use std::path::Path;

use crate::cache::Cache;

/// Looks at the cache of packs, which works as well without.
pub fn examine_cache(directory: &Path) -> Finding {
    const STEP: Step = Step::Cache;
    let name = directory.display();
    match Cache::open(directory) {
        Ok(_) => {
            let size = measure(directory);
            Finding::ok(STEP, format_args!("`{name}` has {}", bytes(size)))
        }
        Err(error) => Finding::warning(
            STEP,
            format_args!("cannot use `{name}`: {error}"),
            format!("make `{name}` your own and writable; packs are slower without"),
        ),
    }
}

/// Looks at the directory that remembers logs: without it nothing can be verified.
pub fn examine_state(directory: &Path) -> Finding {
    const STEP: Step = Step::Configuration;
    let name = directory.display();
    let written = fs::create_dir_all(directory).and_then(|()| tempfile::tempfile_in(directory));
    match written {
        Ok(_) => Finding::ok(STEP, format_args!("`{name}` remembers logs")),
        Err(error) => Finding::failed(
            STEP,
            format_args!("cannot write to `{name}`: {error}"),
            Some(format!("make `{name}` your own and writable")),
        ),
    }
}

/// Adds up the bytes of all files; what cannot be read counts nothing.
fn measure(directory: &Path) -> u64 {
    let mut bytes = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                directories.push(entry.path());
            } else {
                bytes += metadata.len();
            }
        }
    }
    bytes
}
