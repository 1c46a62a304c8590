//! Who could change what is in a directory: the rule by which ssh trusts a key file.

use std::path::Path;

use crate::error::FileError;

/// Refuses a directory whose content other users could change or exchange.
///
/// It and every directory above it, links resolved, must belong to root or to the user that this
/// process runs as, and neither a group nor others may write into it. Above it, a directory for
/// everybody's files where only owners rename theirs (the sticky bit, `/tmp`) is no danger.
#[cfg(unix)]
pub fn require_unshared(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt as _;

    use crate::error::Attempt as _;

    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;

    let user = rustix::process::geteuid().as_raw();
    let real = path.canonicalize().attempt("look at", path)?;
    for directory in real.ancestors() {
        let found = directory.metadata().attempt("look at", directory)?;
        if found.uid() != user && found.uid() != 0 {
            return Err(FileError::ForeignOwner {
                path: directory.to_owned(),
                owner: found.uid(),
                expected: user,
            });
        }
        let is_sticky_parent = directory != real && found.mode() & STICKY != 0;
        if found.mode() & OTHERS_WRITE != 0 && !is_sticky_parent {
            return Err(FileError::Shared {
                path: directory.to_owned(),
                mode: found.mode() & 0o7777,
            });
        }
    }
    Ok(())
}

/// Windows gives each directory the rights of the one above it.
#[cfg(not(unix))]
pub fn require_unshared(_: &Path) -> Result<(), FileError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::path::PathBuf;

    use bulla_schemas::outcome::{FailureKind, Outcome as _};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A directory below another one, both only ours.
    fn directories() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        set_mode(&state, 0o755);
        require_unshared(&state).unwrap();
        (folder, state)
    }

    #[test]
    fn what_a_group_or_all_may_write_is_refused() {
        let (folder, state) = directories();
        for mode in [0o775, 0o757, 0o777, 0o1777] {
            set_mode(&state, mode);
            let error = require_unshared(&state).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Refused);
            assert_eq!(error.path(), state.canonicalize().unwrap());
        }
        set_mode(&state, 0o700);
        set_mode(folder.path(), 0o775);
        let error = require_unshared(&state).unwrap_err();
        assert_eq!(error.path(), folder.path().canonicalize().unwrap());
        // Where only owners rename, nobody takes it away.
        set_mode(folder.path(), 0o1777);
        require_unshared(&state).unwrap();
    }

    #[test]
    fn a_link_is_judged_by_where_it_leads() {
        let (folder, state) = directories();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        set_mode(&open, 0o777);
        let link = state.join("link");
        symlink(&open, &link).unwrap();
        let error = require_unshared(&link).unwrap_err();
        assert_eq!(error.path(), open.canonicalize().unwrap());
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skip: a directory of another user, because only root gives one away");
            return;
        }
        let (folder, state) = directories();
        chown(&state, Some(12_345), None).unwrap();
        let error = require_unshared(&state).unwrap_err();
        assert!(error.hint().unwrap().contains("12345"), "{error}");
        chown(&state, Some(0), None).unwrap();
        chown(folder.path(), Some(12_345), None).unwrap();
        let error = require_unshared(&state).unwrap_err();
        assert_eq!(error.path(), folder.path().canonicalize().unwrap());
    }
}
