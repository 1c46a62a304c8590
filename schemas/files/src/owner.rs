//! Who could change what is in a directory: the rule by which ssh trusts a key file, and for all links
//! on the way to it as well.

#[cfg(unix)]
use std::fs::Metadata;
#[cfg(unix)]
use std::io;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
#[cfg(unix)]
use std::path::{Component, PathBuf};

#[cfg(unix)]
use crate::error::Attempt as _;
use crate::error::FileError;

/// Refuses a directory whose content other users could change or exchange.
///
/// It and every directory and link on the way to it must belong to root or to the user that this
/// process runs as, and neither a group nor others may write into it. On the way, a directory for
/// everybody's files where only owners rename theirs (the sticky bit, `/tmp`) is no danger.
#[cfg(unix)]
pub fn require_unshared(path: &Path) -> Result<(), FileError> {
    require_unshared_by(path, rustix::process::geteuid().as_raw(), |_| false)
}

/// Refuses a program that others than root, the user that this process runs as, and the `user` whom
/// it is run as could change or exchange, as [`require_unshared`] does.
///
/// A group may write where `has_only_these` says that nobody else is in it: Debian has given
/// `/usr/local` to its group `staff` (Debian Policy 9.1.2), in which there is nobody as it comes, and
/// its sshd judges files in the same way. An access control list can name others, so there is to be
/// none.
#[cfg(unix)]
pub fn require_unshared_by(
    path: &Path,
    user: u32,
    has_only_these: impl Fn(u32) -> bool,
) -> Result<(), FileError> {
    let way = way_to(path).attempt("look at", path)?;
    for (position, (step, found)) in way.iter().rev().enumerate() {
        if found.uid() != user {
            refuse_owner(step, found)?;
        }
        if !found.is_symlink() && (position == 0 || !is_sticky(found)) {
            let is_open = found.mode() & GROUP_WRITES != 0
                && (!has_only_these(found.gid()) || has_access_list(step));
            let group = if is_open { GROUP_WRITES } else { 0 };
            refuse_mode(step, found, group | EVERYBODY_WRITES)?;
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
    let way = way_to(path).attempt("look at", path)?;
    let mut shared = Vec::new();
    for (step, found) in way.iter().rev() {
        shared.extend(refuse_owner(step, found).err());
        if found.is_symlink() {
            continue;
        }
        let group = [0, rustix::process::getegid().as_raw()];
        let others = if group.contains(&found.gid()) {
            EVERYBODY_WRITES
        } else {
            GROUP_WRITES | EVERYBODY_WRITES
        };
        if !is_sticky(found) {
            shared.extend(refuse_mode(step, found, others).err());
        }
    }
    Ok(shared)
}

/// Returns every directory and link on the way from the root to what a path leads to, and that. Each
/// is there once for all times that the way passes it.
#[cfg(unix)]
fn way_to(path: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    /// As many links as Linux follows (`path_resolution(7)`).
    const LINKS: usize = 40;
    let mut way: Vec<(PathBuf, Metadata)> = Vec::new();
    let mut at = PathBuf::from("/");
    // What is left of the way, the next step last.
    let mut rest: Vec<PathBuf> = steps(&std::path::absolute(path)?);
    let mut links = 0;
    while let Some(step) = rest.pop() {
        at.push(step);
        if at.ends_with("..") {
            at.pop();
            at.pop();
        }
        let found = at.symlink_metadata()?;
        if found.is_symlink() {
            links += 1;
            if links > LINKS {
                return Err(rustix::io::Errno::LOOP.into());
            }
            rest.extend(steps(&at.read_link()?));
        }
        let above = at.parent().filter(|_| found.is_symlink());
        let above = above.map(Path::to_owned);
        if way.iter().all(|(known, _)| *known != at) {
            way.push((at.clone(), found));
        }
        at = above.unwrap_or(at);
    }
    Ok(way)
}

/// Returns the steps of a path, the first last; the one to the root, where there is one, leads there
/// from anywhere.
#[cfg(unix)]
fn steps(path: &Path) -> Vec<PathBuf> {
    let steps = path.components().rev();
    let steps = steps.filter(|step| !matches!(step, Component::CurDir));
    steps.map(|step| PathBuf::from(step.as_os_str())).collect()
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

/// Tells whether a file has, or may have, a list of users and groups besides its mode: the bits of the
/// group are then the most that any of them may (acl(5)).
#[cfg(target_os = "linux")]
fn has_access_list(path: &Path) -> bool {
    let found = rustix::fs::getxattr(path, "system.posix_acl_access", &mut [0_u8; 0]);
    !matches!(
        found,
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP)
    )
}

#[cfg(all(unix, not(target_os = "linux")))]
fn has_access_list(_: &Path) -> bool {
    true
}

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
pub fn require_unshared_by(_: &Path, _: u32, _: impl Fn(u32) -> bool) -> Result<(), FileError> {
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
    use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
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
    fn a_link_on_the_way_that_others_could_turn_is_refused() {
        let (folder, state) = directories();
        let program = state.join("reload");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        set_mode(&program, 0o755);
        let (open, theirs) = (folder.path().join("open"), folder.path().join("theirs"));
        fs::create_dir(&open).unwrap();
        symlink(&program, open.join("turned")).unwrap();
        // By way of another link, relative and with a detour.
        symlink("open/../open/turned", folder.path().join("named")).unwrap();
        let named = folder.path().join("named");
        set_mode(&open, 0o755);
        require_unshared(&named).unwrap();
        assert_eq!(shared_above(&named).unwrap().len(), 0);
        set_mode(&open, 0o777);
        let real = open.canonicalize().unwrap();
        assert_eq!(require_unshared(&named).unwrap_err().path(), real);
        assert_eq!(shared_above(&named).unwrap()[0].path(), real);
        if !rustix::process::geteuid().is_root() {
            eprintln!("skip: a link of another user, because only root gives one away");
            return;
        }
        // Where only owners rename, others turn their own links.
        set_mode(&open, 0o1777);
        require_unshared(&named).unwrap();
        lchown(open.join("turned"), Some(12_345), None).unwrap();
        let error = require_unshared(&named).unwrap_err();
        assert_eq!(error.path(), real.join("turned"));
        require_unshared_by(&named, 12_345, |_| false).unwrap();
        fs::create_dir(&theirs).unwrap();
        symlink(&program, theirs.join("turned")).unwrap();
        chown(&theirs, Some(12_345), None).unwrap();
        let error = require_unshared(&theirs.join("turned")).unwrap_err();
        assert_eq!(error.path(), theirs.canonicalize().unwrap());
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let (_folder, state) = directories();
        symlink("one", state.join("two")).unwrap();
        symlink("two", state.join("one")).unwrap();
        let error = require_unshared(&state.join("one")).unwrap_err();
        let kind = format!("{:?}", error.io_kind());
        assert_eq!(kind, "Some(FilesystemLoop)");
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
        let require_unshared_by = |user| require_unshared_by(&program, user, |_| false);
        for user in [0, 12_345] {
            require_unshared_by(user).unwrap();
        }
        chown(&program, Some(12_345), None).unwrap();
        require_unshared_by(12_345).unwrap();
        for user in [0, 54_321] {
            let error = require_unshared_by(user).unwrap_err();
            assert_eq!(error.path(), program.canonicalize().unwrap());
        }
        chown(&program, Some(0), None).unwrap();
        chown(folder.path(), Some(12_345), None).unwrap();
        require_unshared_by(12_345).unwrap();
        assert!(require_unshared_by(0).is_err());
        set_mode(folder.path(), 0o777);
        assert!(require_unshared_by(12_345).is_err());
    }

    #[test]
    fn a_group_in_which_is_nobody_else_may_write_a_program() {
        let (folder, state) = directories();
        let program = state.join("reload");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        let own = rustix::process::getegid().as_raw();
        let user = rustix::process::geteuid().as_raw();
        let judged = |has_only_these: bool| {
            let is_own = |group| has_only_these && group == own;
            require_unshared_by(&program, user, is_own)
        };
        // As `/usr/local/bin` of a Debian that has always been one.
        for (path, mode) in [(&state, 0o2775), (&program, 0o775)] {
            set_mode(path, mode);
            judged(true).unwrap();
            let error = judged(false).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Refused);
            assert_eq!(error.path(), path.canonicalize().unwrap());
        }
        set_mode(folder.path(), 0o777);
        assert!(judged(true).is_err());
        set_mode(folder.path(), 0o755);
        let mut list = std::process::Command::new("setfacl");
        let list = list.args(["-m", "u:12345:rwx"]).arg(&state).status();
        if !list.is_ok_and(|status| status.success()) {
            eprintln!("skip: a list of who may write, because `setfacl` cannot make one here");
            return;
        }
        assert_eq!(
            judged(true).unwrap_err().path(),
            state.canonicalize().unwrap()
        );
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
