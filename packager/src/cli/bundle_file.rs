//! Bundle files that a person names.

use std::fs::File;
use std::path::Path;

use bulla_bundle::{BundleFile, Limits, read_bundle_file};
use bulla_terminal::Failure;

/// Reads and verifies all but the payload.
pub(super) fn open(path: &Path) -> Result<BundleFile, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::io(format_args!("cannot open `{}`", path.display()), error))?;
    let file = read_bundle_file(file, &Limits::default());
    file.map_err(|error| Failure::from(error).context(in_file(path)))
}

/// Says of which file an error is.
pub(super) fn in_file(path: &Path) -> String {
    format!("cannot use `{}`", path.display())
}
