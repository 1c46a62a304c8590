//! Persistent paths: what lies in `persist/` outlives every release and is linked into each tree.
//!
//! A path that does not exist yet is made as an empty directory, unless its last part has a dot
//! (`config/local.php`, `.env`): that is taken for a file, which only a person can fill. The
//! directory that it belongs in is made, and the link leads nowhere until the file is there.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use bulla_schemas::install::{Install, PersistentPath};

use crate::platform::files::{FileError, OnPath as _};
use crate::site::Site;

/// Makes what is missing in `persist/`, and returns the files that somebody must put there.
pub(crate) fn prepare(site: &Site, install: &Install) -> Result<Vec<PathBuf>, FileError> {
    let mut missing = Vec::new();
    for path in install.persist.iter().map(PersistentPath::path) {
        let kept = site.persist().join(path.as_str());
        match fs::metadata(&kept) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if path.file_name().contains('.') {
                    if let Some(directory) = kept.parent() {
                        fs::create_dir_all(directory).on("create the directory", directory)?;
                    }
                    missing.push(kept);
                } else {
                    fs::create_dir_all(&kept).on("create the directory", &kept)?;
                }
            }
            Err(error) => return Err(error).on("look at", &kept),
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Server;

    #[test]
    fn makes_directories_and_names_the_files_that_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(folder.path(), folder.path());
        let site = server.site(&"shop".parse().unwrap());
        let install = Install {
            persist: vec![
                "var/uploads".parse().unwrap(),
                "config/local.php".parse().unwrap(),
                ".env".parse().unwrap(),
            ],
            ..Install::default()
        };
        let persist = folder.path().join("shop/persist");
        assert_eq!(
            prepare(&site, &install).unwrap(),
            [persist.join("config/local.php"), persist.join(".env")]
        );
        assert!(persist.join("var/uploads").is_dir());
        assert!(persist.join("config").is_dir());
        fs::write(persist.join(".env"), "A=1").unwrap();
        fs::write(persist.join("config/local.php"), "<?php").unwrap();
        fs::write(persist.join("var/uploads/kept"), "kept").unwrap();
        assert_eq!(prepare(&site, &install).unwrap(), [] as [PathBuf; 0]);
        assert!(persist.join("var/uploads/kept").exists());
    }
}
