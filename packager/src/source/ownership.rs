//! Whose checkout it is. A repository's configuration names programs, so one that belongs to
//! another user is neither read nor run, unless `safe.directory` allows it: the rule of git
//! (`ensure_valid_ownership` in `setup.c`), and here of Subversion's working copies as well.

use std::io;
use std::path::{Path, PathBuf};

use bulla_schemas::outcome::{FailureKind, Outcome};
use gix::bstr::{BStr, BString, ByteSlice as _};

use super::protected;

/// A checkout that belongs to another user.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{checkout}` belongs to another user{owner}, so nothing in it is read or run",
    checkout = .checkout.display(), owner = owner(.uid.as_ref())
)]
pub struct ForeignCheckout {
    /// The checkout, as `safe.directory` would name it.
    pub checkout: PathBuf,
    /// The number of the user, where users have one.
    pub uid: Option<u32>,
}

impl Outcome for ForeignCheckout {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "run this as its owner; or, when you trust everyone who can write there, allow it with `git config --global --add safe.directory '{}'`",
            self.checkout.display()
        ))
    }
}

fn owner(uid: Option<&u32>) -> String {
    uid.map(|uid| format!(" (uid {uid})")).unwrap_or_default()
}

/// Refuses a git repository of another user; `top` is its work tree or its git directory.
pub(crate) fn require_own_git(top: &Path) -> Result<(), ForeignCheckout> {
    let mut places = vec![top.to_owned()];
    let dot_git = top.join(".git");
    if let Ok(metadata) = dot_git.symlink_metadata() {
        if metadata.is_file() {
            // Where there is no such directory, opening it says so.
            places.extend(gix::discover::path::from_gitdir_file(&dot_git).ok());
        } else if metadata.is_symlink() {
            places.extend(dot_git.canonicalize().ok());
        }
        places.push(dot_git);
    }
    require_own(top, &places)
}

/// Refuses a Subversion working copy of another user; `root` is the directory that has `.svn`.
pub(crate) fn require_own_svn(root: &Path) -> Result<(), ForeignCheckout> {
    let administrative = root.join(".svn");
    let database = administrative.join("wc.db");
    let mut places = vec![root.to_owned()];
    places.extend(administrative.canonicalize().ok());
    places.extend(database.canonicalize().ok());
    places.extend(
        [administrative, database]
            .into_iter()
            .filter(|place| place.is_symlink()),
    );
    require_own(root, &places)
}

fn require_own(checkout: &Path, places: &[PathBuf]) -> Result<(), ForeignCheckout> {
    let is_foreign = |place: &&PathBuf| !is_own(place).unwrap_or(false);
    let Some(foreign) = places.iter().find(is_foreign) else {
        return Ok(());
    };
    let identified = checkout
        .canonicalize()
        .unwrap_or_else(|_| checkout.to_owned());
    if is_allowed(&identified, &protected::values("safe.directory")) {
        return Ok(());
    }
    Err(ForeignCheckout {
        checkout: identified,
        uid: uid(foreign),
    })
}

/// Takes what belongs to the user, and for `sudo` what belongs to whoever called it.
fn is_own(place: &Path) -> io::Result<bool> {
    gix::sec::identity::is_path_owned_by_current_user(place)
}

#[cfg(unix)]
fn uid(place: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    place.symlink_metadata().ok().map(|metadata| metadata.uid())
}

#[cfg(not(unix))]
fn uid(_: &Path) -> Option<u32> {
    None
}

/// Decides as git does: the entries in turn, where an empty one takes back all before it.
fn is_allowed(checkout: &Path, safe_directories: &[BString]) -> bool {
    let mut is_allowed = false;
    for entry in safe_directories {
        match entry.as_bytes() {
            b"" => is_allowed = false,
            b"*" => is_allowed = true,
            _ => is_allowed |= names(entry.as_bstr(), checkout),
        }
    }
    is_allowed
}

/// Tells whether an entry names `checkout`, or with `/*` at its end a directory above it.
fn names(entry: &BStr, checkout: &Path) -> bool {
    let Some(path) = protected::expanded(entry.to_owned()) else {
        return false;
    };
    // git's `.` is the top of the checkout that one is in.
    let path = match path.as_os_str().as_encoded_bytes() {
        b"." => PathBuf::from("."),
        _ if path.is_absolute() => path,
        _ => return false,
    };
    match path.file_name() {
        Some(name) if name == "*" => path
            .parent()
            .and_then(|above| above.canonicalize().ok())
            .is_some_and(|above| checkout != above && checkout.starts_with(above)),
        _ => path.canonicalize().is_ok_and(|path| path == checkout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(checkout: &Path, entries: &[&str]) -> bool {
        let entries: Vec<BString> = entries.iter().map(|entry| (*entry).into()).collect();
        is_allowed(checkout, &entries)
    }

    #[test]
    fn entries_count_as_for_git() {
        let home = tempfile::TempDir::new().unwrap();
        let home = home.path().canonicalize().unwrap();
        let checkout = home.join("work");
        std::fs::create_dir_all(checkout.join("below")).unwrap();
        std::os::unix::fs::symlink("work", home.join("link")).unwrap();
        let text = |name: &str| home.join(name).to_str().unwrap().to_owned();
        for yes in [
            "*",
            &text("work"),
            &text("work/"),
            &text("link"),
            &text("*"),
        ] {
            assert!(allowed(&checkout, &[yes]), "{yes}");
        }
        for no in [
            "",
            "work",
            ".",
            &text("work/below"),
            &text("work/*"),
            &text("wor"),
            &text("none"),
        ] {
            assert!(!allowed(&checkout, &[no]), "{no}");
        }
        assert!(!allowed(&checkout, &["*", ""]));
        assert!(allowed(&checkout, &["*", "", &text("work")]));
    }
}
