//! Bundle files that a person names.

use std::fs::File;
use std::path::Path;

use bulla_bundle::{BundleFile, Limits, read_bundle_file};
use bulla_terminal::{Failure, stderr};

/// Reads and verifies all but the payload.
pub(super) fn open(path: &Path) -> Result<BundleFile, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::io(format_args!("cannot open `{}`", path.display()), error))?;
    let file = read_bundle_file(file, &Limits::default());
    file.map_err(|error| Failure::from(error).context(in_file(path)))
}

/// Says so where other commands would not know a file by its name.
pub(super) fn warn_of_name(path: &Path) {
    if path.extension() != Some("bulla".as_ref()) {
        let path = path.display();
        stderr::warn(format_args!(
            "`{path}` does not end in `.bulla`, by which other commands know a bundle file: rename \
             it to `{path}.bulla`, or name it with `./` or `/` at the beginning"
        ));
    }
}

/// Says of which file an error is.
pub(super) fn in_file(path: &Path) -> String {
    format!("cannot use `{}`", path.display())
}
