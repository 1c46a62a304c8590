//! Directories: made durably, and private where they hold what others must not change.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Attempt as _, FileError};
use crate::kind::type_of;
use crate::owner::require_unshared;

/// Permissions of a directory, narrowed by the umask. Never writable for a group: what we make
/// must pass [`require_unshared`].
const PUBLIC: u32 = 0o755;
const PRIVATE: u32 = 0o700;

/// Creates a directory and the missing ones above it, each durable in its parent.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    create(path, PUBLIC)
}

/// Creates a directory that only its owner may enter, or takes one that is there; either way it is
/// refused where other users could change what is in it (see [`require_unshared`]).
pub fn create_private_directory(path: &Path) -> Result<(), FileError> {
    create(path, PRIVATE)?;
    require_unshared(path)
}

fn create(path: &Path, mode: u32) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    create(parent, PUBLIC)?;
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    match builder.create(path) {
        Ok(()) => sync_directory(parent),
        // Another process was faster, or something else is in the way.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => has_directory(path).map(drop),
        Err(error) => Err(error).attempt("create the directory", path),
    }
}

/// Tells whether a directory is at `path`, also through a link. Anything else there is an error,
/// also a link that leads nowhere: its disk may only not be mounted.
pub fn has_directory(path: &Path) -> Result<bool, FileError> {
    let found = match path.metadata() {
        Ok(found) if found.is_dir() => return Ok(true),
        Ok(found) => type_of(&found),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).attempt("look at", path);
        }
        Err(_) if path.is_symlink() => "a link that leads nowhere",
        Err(_) => return Ok(false),
    };
    Err(FileError::WrongType {
        path: path.to_owned(),
        expected: "a directory",
        found,
    })
}

/// Makes the names in a directory durable.
#[cfg(unix)]
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .attempt("make durable", path)
}

/// Windows writes the entry of a rename itself.
#[cfg(not(unix))]
pub fn sync_directory(_: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Makes the name of a file or directory durable.
pub fn sync_parent(path: &Path) -> Result<(), FileError> {
    sync_directory(parent_of(path))
}

pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use bulla_schemas::outcome::Outcome as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn only_the_last_directory_of_a_private_path_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("var/lib/bulla");
        create_private_directory(&path).unwrap();
        create_private_directory(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(path.parent().unwrap()) & 0o022, 0);
        assert_eq!(mode(path.parent().unwrap()) & 0o500, 0o500);
    }

    #[test]
    fn says_what_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, "").unwrap();
        let error = create_directory(&path).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is a file; expected a directory"),
            "{error}"
        );
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("gone"), &path).unwrap();
        let error = create_directory(&path).unwrap_err();
        assert!(error.to_string().contains("leads nowhere"), "{error}");
        assert!(error.hint().unwrap().contains("move it away"), "{error}");
    }
}
