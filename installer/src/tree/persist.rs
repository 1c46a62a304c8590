//! Persistent paths: what lies in `persist/` outlives every release and is linked into each tree.
//!
//! A directory is created if missing; a file, which only a person can fill, is named. Applications
//! write into `persist/`, so that nothing is created through a link that one of them could have
//! placed: each step goes through the handle of the directory above it.

mod create;
mod error;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bulla_schemas::install::{Install, PersistentPath};
pub use bulla_schemas::report::server::{DanglingLink, MissingPath, WrongKind};

use create::Creation;
pub use error::PersistError;

use crate::config::PersistPolicy;
use crate::platform::files::{Attempt as _, FileError};
use crate::site::Site;

/// Creates the directories that are missing, and returns what only a person can put there.
pub(crate) fn prepare(
    site: &Site,
    install: &Install,
    policy: &PersistPolicy,
) -> Result<Vec<MissingPath>, PersistError> {
    let creation = Creation::new(site.persist(), policy);
    let mut left = Vec::new();
    for path in &install.persist {
        let Some(missing) = look(site, install, path)? else {
            continue;
        };
        let is_taken = (missing.wrong.as_ref()).is_some_and(|wrong| wrong.path == missing.file);
        if missing.dangling.is_none() && !is_taken {
            let (directory, is_complete) = if is_created(path, install) {
                (Some(path.path().as_str()), true)
            } else {
                (path.path().parent_str(), false)
            };
            if let Some(directory) = directory {
                creation.create(directory)?;
            }
            if is_complete {
                continue;
            }
        }
        left.push(missing);
    }
    Ok(left)
}

/// Returns the persistent paths at which nothing is. Changes nothing.
pub(crate) fn missing(site: &Site, install: &Install) -> Result<Vec<MissingPath>, FileError> {
    let all = install.persist.iter().chain(&install.require);
    let mut found: Vec<MissingPath> = Vec::new();
    for path in all {
        found.extend(look(site, install, path)?.filter(|missing| !found.contains(missing)));
    }
    Ok(found)
}

/// Refuses a release that requires what is not there.
pub(crate) fn require(site: &Site, install: &Install) -> Result<(), PersistError> {
    let mut missing = Vec::new();
    for path in &install.require {
        missing.extend(look(site, install, path)?);
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(PersistError::Required { missing })
    }
}

/// What is required comes from a person, also where it is a directory.
fn is_created(path: &PersistentPath, install: &Install) -> bool {
    let is_required = install
        .require
        .iter()
        .any(|required| required.path() == path.path());
    !is_required && (path.is_directory() || path.is_unclear())
}

/// Tells what is missing at a path; `None` when something of the right kind is there.
fn look(
    site: &Site,
    install: &Install,
    path: &PersistentPath,
) -> Result<Option<MissingPath>, FileError> {
    let kept = site.persist().join(path.path().as_str());
    let wrong = match fs::metadata(&kept) {
        Ok(found) if found.is_dir() => {
            let is_right = path.is_directory() || path.is_unclear();
            (!is_right).then(|| kept.clone())
        }
        Ok(_) => path.is_directory().then(|| kept.clone()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => kept
            .ancestors()
            .find(|above| fs::metadata(above).is_ok_and(|found| !found.is_dir()))
            .map(Path::to_owned),
        Err(error) if error.kind() == ErrorKind::NotFound || is_loop(&error) => {
            return Ok(Some(MissingPath {
                path: path.to_string(),
                is_directory: path.is_directory() || is_created(path, install),
                dangling: dangling(&kept, &site.persist())?,
                file: kept,
                wrong: None,
            }));
        }
        Err(error) => return Err(error).attempt("look at", kept),
    };
    Ok(wrong.map(|wrong| MissingPath {
        path: path.to_string(),
        is_directory: path.is_directory() || is_created(path, install),
        dangling: None,
        wrong: Some(WrongKind {
            is_directory: wrong.is_dir(),
            path: wrong,
        }),
        file: kept,
    }))
}

fn is_loop(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Returns the first link on the way from `top` to `path` that leads nowhere.
fn dangling(path: &Path, top: &Path) -> Result<Option<DanglingLink>, FileError> {
    let mut way: Vec<&Path> = path
        .ancestors()
        .take_while(|above| above.starts_with(top))
        .collect();
    way.reverse();
    for step in way {
        match fs::read_link(step) {
            Ok(target) if fs::metadata(step).is_err() => {
                let link = step.to_owned();
                return Ok(Some(DanglingLink { link, target }));
            }
            // A link that leads on, a directory, or nothing.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
            }
            Err(error) => return Err(error).attempt("look at", step),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, lchown, symlink};

    use std::path::PathBuf;

    use super::*;
    use crate::site::Server;

    struct Kept {
        folder: tempfile::TempDir,
        site: Site,
    }

    impl Kept {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let server = Server::new(folder.path(), folder.path());
            let site = server.site(&"shop".parse().unwrap());
            fs::create_dir_all(site.persist()).unwrap();
            Self { folder, site }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.site.persist().join(path)
        }

        fn prepare(&self, paths: &[&str]) -> Result<Vec<String>, PersistError> {
            let policy = PersistPolicy::default();
            let missing = prepare(&self.site, &install(paths, &[]), &policy)?;
            Ok(missing.into_iter().map(|missing| missing.path).collect())
        }
    }

    fn install(persist: &[&str], require: &[&str]) -> Install {
        let read = |paths: &[&str]| paths.iter().map(|path| path.parse().unwrap()).collect();
        Install {
            persist: read(persist),
            require: read(require),
            ..Install::default()
        }
    }

    #[test]
    fn directories_are_created_and_files_are_named() {
        let kept = Kept::new();
        let paths = ["var/uploads/", "conf.d/", "config/local.php", ".env"];
        assert_eq!(kept.prepare(&paths).unwrap(), ["config/local.php", ".env"]);
        for directory in ["var/uploads", "conf.d", "config"] {
            assert!(kept.path(directory).is_dir(), "{directory}");
        }
        fs::write(kept.path(".env"), "A=1").unwrap();
        fs::write(kept.path("config/local.php"), "<?php").unwrap();
        fs::write(kept.path("var/uploads/kept"), "kept").unwrap();
        assert_eq!(kept.prepare(&paths).unwrap(), [""; 0]);
        assert!(kept.path("var/uploads/kept").exists());
    }

    #[test]
    fn a_document_from_before_the_slash_keeps_its_meaning() {
        let kept = Kept::new();
        assert_eq!(kept.prepare(&["uploads"]).unwrap(), [""; 0]);
        assert!(kept.path("uploads").is_dir());
    }

    #[test]
    fn a_dangling_link_is_named_with_its_target() {
        let kept = Kept::new();
        symlink("/mnt/absent/up", kept.path("up")).unwrap();
        symlink("loop", kept.path("loop")).unwrap();
        let install = install(&["up/", "loop/in/"], &[]);
        let missing = prepare(&kept.site, &install, &PersistPolicy::default()).unwrap();
        assert_eq!(missing, super::missing(&kept.site, &install).unwrap());
        assert_eq!(
            missing[0].to_string(),
            format!(
                "`{}` is a link to `/mnt/absent/up`, which does not exist: its disk may not be \
                 mounted",
                kept.path("up").display()
            )
        );
        let link = missing[1].dangling.as_ref().unwrap();
        assert_eq!(link.target, Path::new("loop"));
    }

    #[test]
    fn nothing_is_created_through_a_link_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skip: a link of another user, because only root gives one away");
            return;
        }
        let kept = Kept::new();
        let elsewhere = kept.folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, kept.path("var")).unwrap();
        lchown(kept.path("var"), Some(12_345), None).unwrap();
        let error = kept.prepare(&["var/uploads/"]).unwrap_err();
        assert!(matches!(
            error,
            PersistError::ForeignLink { owner: 12_345, .. }
        ));
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        // A link of ours, where no other user could have put it.
        lchown(kept.path("var"), Some(0), None).unwrap();
        assert_eq!(kept.prepare(&["var/uploads/"]).unwrap(), [""; 0]);
        assert!(elsewhere.join("uploads").is_dir());
        // A link of ours that another user may have moved there.
        std::os::unix::fs::chown(kept.site.persist(), Some(12_345), None).unwrap();
        assert!(kept.prepare(&["var/more/"]).is_err());
        // What is there already is used, whoever linked it.
        lchown(kept.path("var"), Some(12_345), None).unwrap();
        assert_eq!(kept.prepare(&["var/uploads/"]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_created_gets_the_owner_and_mode_and_what_is_there_keeps_its_own() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skip: directories of another user, because only root gives them away");
            return;
        }
        let kept = Kept::new();
        fs::create_dir(kept.path("var")).unwrap();
        let policy = PersistPolicy {
            owner: Some("12345:54321".parse().unwrap()),
            mode: Some("2770".parse().unwrap()),
        };
        let install = install(&["var/uploads/", "data/in/"], &[]);
        prepare(&kept.site, &install, &policy).unwrap();
        let found = |path: &str| {
            let found = fs::metadata(kept.path(path)).unwrap();
            (found.uid(), found.gid(), found.mode() & 0o7777)
        };
        for created in ["var/uploads", "data", "data/in"] {
            assert_eq!(found(created), (12_345, 54_321, 0o2770), "{created}");
        }
        assert_eq!(found("var"), (0, 0, 0o755));
    }

    #[test]
    fn an_unknown_owner_is_named_before_anything_is_created() {
        let kept = Kept::new();
        let policy = PersistPolicy {
            owner: Some("no-such-user".parse().unwrap()),
            mode: None,
        };
        let error = prepare(&kept.site, &install(&["var/"], &[]), &policy).unwrap_err();
        assert!(error.to_string().contains("`no-such-user`"), "{error}");
        assert!(!kept.path("var").exists());
        // Where nothing has to be created, nothing is looked up.
        fs::create_dir(kept.path("var")).unwrap();
        prepare(&kept.site, &install(&["var/"], &[]), &policy).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_said() {
        let kept = Kept::new();
        fs::write(kept.path("var"), "").unwrap();
        let error = kept.prepare(&["var/uploads/"]).unwrap_err();
        assert!(error.to_string().contains("persist/var"), "{error}");
    }

    #[test]
    fn what_is_of_the_wrong_kind_is_named() {
        let kept = Kept::new();
        fs::create_dir(kept.path("local.php")).unwrap();
        for file in ["data", "var"] {
            fs::write(kept.path(file), "kept").unwrap();
        }
        let taken = install(&["local.php", "data/", "var/uploads/"], &[]);
        let found: Vec<_> = missing(&kept.site, &taken)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        let name = |path: &str| kept.path(path).display().to_string();
        assert_eq!(
            found,
            [
                format!("`{}` is a directory, not a file", name("local.php")),
                format!("`{}` is a file, not a directory", name("data")),
                format!("`{}` is a file, not a directory", name("var")),
            ]
        );
        // What is there stays and is named; it is no reason to refuse a release.
        let left = kept.prepare(&["local.php", "data/"]).unwrap();
        assert_eq!(left, ["local.php", "data/"]);
        assert_eq!(fs::read(kept.path("data")).unwrap(), b"kept");
    }

    #[test]
    fn what_is_required_is_never_created() {
        let kept = Kept::new();
        let install = install(&["config/", "data/"], &["config/key", "data/"]);
        let PersistError::Required { missing } = require(&kept.site, &install).unwrap_err() else {
            panic!("expected the required paths");
        };
        let paths: Vec<_> = missing.iter().map(|missing| &missing.path).collect();
        assert_eq!(paths, ["config/key", "data/"]);
        let left = prepare(&kept.site, &install, &PersistPolicy::default()).unwrap();
        assert_eq!(left.len(), 1);
        assert!(!kept.path("data").exists());
        fs::create_dir(kept.path("data")).unwrap();
        fs::write(kept.path("config/key"), "").unwrap();
        require(&kept.site, &install).unwrap();
        assert_eq!(
            fs::metadata(kept.path("config")).unwrap().mode() & 0o777,
            0o755
        );
    }
}
