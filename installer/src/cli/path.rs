//! Paths as they are typed, and as they are shown again in hints.

use std::io;
use std::path::{Component, Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};

/// Takes a path from wherever the command is run to one from the root on, without `.`, `..` and empty
/// parts, so that a hint with it is right everywhere.
pub(super) fn whole_path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| whole(&path))
}

fn whole(path: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(path)?;
    let goes_up = |path: &Path| path.components().any(|part| part == Component::ParentDir);
    // What is above a link depends on the link. What is not there yet is not known to be one.
    let (mut found, mut rest) = (whole.as_path(), Vec::new());
    while goes_up(found) {
        if let Ok(real) = found.canonicalize() {
            return Ok(rest.iter().rev().fold(real, |path, name| path.join(name)));
        }
        match (found.parent(), found.file_name()) {
            (Some(above), Some(name)) => {
                rest.push(name.to_owned());
                found = above;
            }
            _ => break,
        }
    }
    // Without repeated slashes, also where nothing goes up.
    Ok(whole.components().collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_whole_and_means_what_was_typed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        fs::create_dir_all(folder.join("a/b")).unwrap();
        symlink("a/b", folder.join("link")).unwrap();
        for (typed, expected) in [
            ("a//b/./c/", "a/b/c"),
            ("a/../x/y", "x/y"),
            ("link/../x", "a/x"),
            ("link/x", "link/x"),
            ("none/../x", "none/../x"),
        ] {
            let found = whole(&folder.join(typed)).unwrap();
            assert_eq!(
                found.as_os_str(),
                folder.join(expected).as_os_str(),
                "{typed}"
            );
        }
        let relative = whole(Path::new("./srv")).unwrap();
        assert_eq!(relative, std::env::current_dir().unwrap().join("srv"));
    }
}
