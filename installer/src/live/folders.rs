//! The folders of a project: made by the installer, or not touched by it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bulla_schemas::Digest;

use super::error::LiveError;
use crate::platform::files::{Attempt as _, FileError};
use crate::site::Site;

/// Refuses folders that the installer did not make: a link, a file, or, where nothing was ever
/// installed, a `releases` that another program keeps its releases in.
pub(crate) fn check(site: &Site, is_installed: bool) -> Result<(), LiveError> {
    for path in [site.releases(), site.persist(), site.set_aside()] {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(found) => {
                let found = if found.is_symlink() { "link" } else { "file" };
                return Err(LiveError::ForeignFolder { path, found });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Ok(Err(error).attempt("look at", path)?),
        }
    }
    if is_installed {
        return Ok(());
    }
    match foreign_name(&site.releases())? {
        None => Ok(()),
        Some(name) => Err(LiveError::ForeignReleases {
            path: site.releases(),
            name,
        }),
    }
}

/// Refuses folders in which everybody could exchange what is going to be live: the project's, those
/// above it, and `releases`. Where only another user or group could, a person may mean it: that is
/// returned as a warning.
pub(crate) fn refuse_public(site: &Site) -> Result<Option<LiveError>, LiveError> {
    let releases = site.releases();
    let mut existing = releases.ancestors().filter(|path| path.exists());
    let mut found = match existing.next() {
        Some(path) => bulla_files::shared_above(path)?,
        None => Vec::new(),
    };
    if found.iter().any(is_public) {
        return Err(LiveError::Shared { found });
    }
    // It is the application's, and nothing in it decides what is live.
    if site.persist().is_dir() {
        found.extend(bulla_files::require_not_public(&site.persist()).err());
    }
    Ok((!found.is_empty()).then_some(LiveError::Shared { found }))
}

/// Returns what [`refuse_public`] refuses or warns about.
pub(crate) fn shared(site: &Site) -> Option<LiveError> {
    refuse_public(site).unwrap_or_else(Some)
}

fn is_public(found: &FileError) -> bool {
    matches!(found, FileError::Shared { mode, .. } if mode & 0o002 != 0)
}

/// Returns the name of something in `releases/` that is not a release of ours.
fn foreign_name(releases: &Path) -> Result<Option<String>, FileError> {
    let entries = match fs::read_dir(releases) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.attempt("list", releases)?,
    };
    for entry in entries {
        let name = entry.attempt("list", releases)?.file_name();
        let name = name.to_string_lossy();
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        if Digest::from_hex(stem).is_err() {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::site::Server;

    fn site(folder: &tempfile::TempDir) -> Site {
        let server = Server::new(folder.path(), folder.path());
        let site = server.site(&"shop".parse().unwrap());
        fs::create_dir(site.folder()).unwrap();
        site
    }

    #[test]
    fn a_link_or_a_file_in_the_place_of_a_folder_is_refused() {
        for folder_of in [Site::releases, Site::persist, Site::set_aside] {
            let folder = tempfile::tempdir().unwrap();
            let site = site(&folder);
            check(&site, false).unwrap();
            symlink(folder.path(), folder_of(&site)).unwrap();
            for is_installed in [false, true] {
                let error = check(&site, is_installed).unwrap_err();
                assert!(error.to_string().contains("is a link"), "{error}");
            }
            fs::remove_file(folder_of(&site)).unwrap();
            fs::write(folder_of(&site), "").unwrap();
            assert!(check(&site, true).is_err());
        }
    }

    #[test]
    fn releases_of_another_program_are_refused_before_a_first_install() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(&folder);
        let ours = Digest::of(b"release").hex();
        fs::create_dir_all(site.releases().join(&ours)).unwrap();
        fs::write(site.releases().join(ours + ".json"), "").unwrap();
        check(&site, false).unwrap();
        fs::create_dir(site.releases().join("20261128063949")).unwrap();
        let error = check(&site, false).unwrap_err();
        assert!(error.to_string().contains("20261128063949"), "{error}");
        check(&site, true).unwrap();
    }

    #[test]
    fn persistent_data_may_be_there_before_a_first_install() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(&folder);
        fs::create_dir_all(site.persist().join("config")).unwrap();
        check(&site, false).unwrap();
    }
}
