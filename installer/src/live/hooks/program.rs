//! Finds the program of a command: in the release's tree, which it must not leave, or on this
//! server.

use std::path::{Path, PathBuf};

use crate::platform::child::{PATH, find, require_executable, require_runnable, require_unshared};

/// Finds the program that a release names: with a slash, a file in its tree; without, a program of
/// this server.
pub(in crate::live) fn of_release(tree: &Path, name: &str) -> Result<PathBuf, String> {
    if !name.contains('/') {
        return of_path(name);
    }
    if name.starts_with('/') {
        return Err("it is not relative to the release's tree".to_owned());
    }
    let path = tree.join(name);
    let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    if !real(&path)?.starts_with(real(tree)?) {
        return Err("it leads out of the release's tree".to_owned());
    }
    require_executable(&path)?;
    Ok(path)
}

/// Finds the program that the host file names with a path from the root on, where nobody could change
/// it but root, the caller and the `user` whom it is run as.
pub(super) fn of_server(name: &str, user: u32) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    if !path.is_absolute() {
        return Err("it is not a path from the root on".to_owned());
    }
    require_runnable(&path, user)?;
    Ok(path)
}

/// Refuses to run a program of a release as root that others could exchange: they would be root.
pub(in crate::live) fn require_safe_for_root(path: &Path, user: u32) -> Result<(), String> {
    if user == 0 {
        require_unshared(path, user)
    } else {
        Ok(())
    }
}

fn of_path(name: &str) -> Result<PathBuf, String> {
    find(name).ok_or_else(|| format!("no such program is in {PATH}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_program_of_a_release_lies_in_its_tree_or_is_one_of_the_servers() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("bin")).unwrap();
        for (path, mode) in [
            ("tree/bin/run", 0o555),
            ("tree/bin/text", 0o444),
            ("outside", 0o755),
        ] {
            let path = folder.path().join(path);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("run", tree.join("bin/link")).unwrap();
        symlink("../../outside", tree.join("bin/out")).unwrap();
        symlink("/bin/sh", tree.join("bin/shell")).unwrap();
        symlink("..", tree.join("up")).unwrap();
        for found in ["bin/run", "./bin/run", "bin/link", "bin/../bin/run"] {
            assert_eq!(of_release(&tree, found), Ok(tree.join(found)), "{found}");
        }
        assert!(of_release(&tree, "true").unwrap().is_absolute());
        for refused in [
            "/bin/true",
            "bin/out",
            "bin/shell",
            "../outside",
            "up/outside",
            "bin/text",
            "bin",
            "./bin",
            "bin/none",
            "no-such-program",
        ] {
            assert!(of_release(&tree, refused).is_err(), "{refused}");
        }
        assert_eq!(of_server("/bin/sh", 0), Ok("/bin/sh".into()));
        assert!(of_server("bin/run", 0).is_err());
    }
}
