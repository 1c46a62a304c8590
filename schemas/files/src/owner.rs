//! Who could change what is in a directory: the rule by which ssh trusts a key file.

#[cfg(unix)]
use std::fs::Metadata;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

#[cfg(unix)]
use crate::error::Attempt as _;
use crate::error::FileError;

/// Refuses a directory whose content other users could change or exchange.
///
/// It and every directory above it, links resolved, must belong to root or to the user that this
/// process runs as, and neither a group nor others may write into it. Above it, a directory for
/// everybody's files where only owners rename theirs (the sticky bit, `/tmp`) is no danger.
#[cfg(unix)]
pub fn require_unshared(path: &Path) -> Result<(), FileError> {
    require_unshared_by(path, rustix::process::geteuid().as_raw())
}

/// Refuses a program that others than root, the user that this process runs as, and the `user` whom
/// it is run as could change or exchange, as [`require_unshared`] does.
#[cfg(unix)]
pub fn require_unshared_by(path: &Path, user: u32) -> Result<(), FileError> {
    let real = path.canonicalize().attempt("look at", path)?;
    for directory in real.ancestors() {
        let found = directory.metadata().attempt("look at", directory)?;
        if found.uid() != user {
            refuse_owner(directory, &found)?;
        }
        if directory == real || !is_sticky(&found) {
            refuse_mode(directory, &found, GROUP_WRITES | EVERYBODY_WRITES)?;
        }
    }
    Ok(())
}

/// Returns the directories in which other users could exchange what lies at `path`, from there up.
///
/// It is the rule of [`require_unshared`] for data that people work with: the group may write where
/// it is root's or that of this process, and everybody where only owners rename theirs.
#[cfg(unix)]
pub fn shared_above(path: &Path) -> Result<Vec<FileError>, FileError> {
    let real = path.canonicalize().attempt("look at", path)?;
    let mut shared = Vec::new();
    for directory in real.ancestors() {
        let found = directory.metadata().attempt("look at", directory)?;
        shared.extend(refuse_owner(directory, &found).err());
        let group = [0, rustix::process::getegid().as_raw()];
        let others = if group.contains(&found.gid()) {
            EVERYBODY_WRITES
        } else {
            GROUP_WRITES | EVERYBODY_WRITES
        };
        if !is_sticky(&found) {
            shared.extend(refuse_mode(directory, &found, others).err());
        }
    }
    Ok(shared)
}

/// Refuses a directory into which everybody may write and where anybody may rename what others
/// made, whoever owns it.
#[cfg(unix)]
pub fn require_not_public(path: &Path) -> Result<(), FileError> {
    let found = path.metadata().attempt("look at", path)?;
    if is_sticky(&found) {
        return Ok(());
    }
    refuse_mode(path, &found, EVERYBODY_WRITES)
}

/// Returns the mode of a file that others than its owner may read or write.
#[cfg(unix)]
pub fn open_mode(path: &Path) -> Option<u32> {
    let mode = path.metadata().ok()?.mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(unix)]
const EVERYBODY_WRITES: u32 = 0o002;
#[cfg(unix)]
const GROUP_WRITES: u32 = 0o020;

/// Tells whether only owners rename what is theirs.
#[cfg(unix)]
fn is_sticky(found: &Metadata) -> bool {
    found.mode() & 0o1000 != 0
}

#[cfg(unix)]
fn refuse_mode(directory: &Path, found: &Metadata, bits: u32) -> Result<(), FileError> {
    if found.mode() & bits == 0 {
        return Ok(());
    }
    Err(FileError::Shared {
        path: directory.to_owned(),
        mode: found.mode() & 0o7777,
    })
}

#[cfg(unix)]
fn refuse_owner(directory: &Path, found: &Metadata) -> Result<(), FileError> {
    let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner == user || owner == 0 {
        return Ok(());
    }
    Err(FileError::ForeignOwner {
        path: directory.to_owned(),
        owner,
        expected: user,
    })
}

/// Windows gives each directory the rights of the one above it.
#[cfg(not(unix))]
pub fn require_unshared(_: &Path) -> Result<(), FileError> {
    Ok(())
}

/// As [`require_unshared`].
#[cfg(not(unix))]
pub fn require_unshared_by(_: &Path, _: u32) -> Result<(), FileError> {
    Ok(())
}

/// As [`require_unshared`].
#[cfg(not(unix))]
pub fn shared_above(_: &Path) -> Result<Vec<FileError>, FileError> {
    Ok(Vec::new())
}

/// As [`require_unshared`].
#[cfg(not(unix))]
pub fn require_not_public(_: &Path) -> Result<(), FileError> {
    Ok(())
}

/// As [`require_unshared`].
#[cfg(not(unix))]
pub fn open_mode(_: &Path) -> Option<u32> {
    None
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

    #[test]
    fn a_program_may_be_of_the_user_whom_it_is_run_as() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skip: a program of another user, because only root gives one away");
            return;
        }
        let (folder, state) = directories();
        let program = state.join("reload");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        set_mode(&program, 0o755);
        for user in [0, 12_345] {
            require_unshared_by(&program, user).unwrap();
        }
        chown(&program, Some(12_345), None).unwrap();
        require_unshared_by(&program, 12_345).unwrap();
        for user in [0, 54_321] {
            let error = require_unshared_by(&program, user).unwrap_err();
            assert_eq!(error.path(), program.canonicalize().unwrap());
        }
        chown(&program, Some(0), None).unwrap();
        chown(folder.path(), Some(12_345), None).unwrap();
        require_unshared_by(&program, 12_345).unwrap();
        assert!(require_unshared_by(&program, 0).is_err());
        set_mode(folder.path(), 0o777);
        assert!(require_unshared_by(&program, 12_345).is_err());
    }

    #[test]
    fn data_may_be_shared_with_root_and_where_only_owners_rename() {
        let (folder, data) = directories();
        let shared = |path: &Path| -> Vec<PathBuf> {
            let found = shared_above(path).unwrap();
            found.iter().map(|error| error.path().to_owned()).collect()
        };
        for mode in [0o755, 0o1777, 0o1775] {
            set_mode(&data, mode);
            assert_eq!(shared(&data), [""; 0].map(PathBuf::from));
        }
        set_mode(folder.path(), 0o757);
        set_mode(&data, 0o777);
        let real = data.canonicalize().unwrap();
        let above = folder.path().canonicalize().unwrap();
        assert_eq!(shared(&data), [real.clone(), above.clone()]);
        assert!(require_not_public(&data).is_err());
        set_mode(&data, 0o770);
        require_not_public(&data).unwrap();
        if !rustix::process::geteuid().is_root() {
            eprintln!("skip: a directory of another user, because only root gives one away");
            return;
        }
        set_mode(folder.path(), 0o755);
        assert_eq!(shared(&data), [""; 0].map(PathBuf::from));
        chown(&data, Some(0), Some(12_345)).unwrap();
        assert_eq!(shared(&data), std::slice::from_ref(&real));
        set_mode(&data, 0o755);
        chown(folder.path(), Some(12_345), None).unwrap();
        assert_eq!(shared(&data), [above]);
    }
}
