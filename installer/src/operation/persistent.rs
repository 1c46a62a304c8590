//! Persistent paths around a switch: made where they are missing, and named where only a person can
//! do that.

use bulla_schemas::install::Install;

use crate::config::PersistPolicy;
use crate::observer::Observer;
use crate::site::Site;
use crate::tree::{MissingPath, PersistError, persist};

/// Prepares what a release that is installed finds in `persist/`. A file may come later; a
/// directory that cannot be reached is a disk that is not mounted.
pub(super) fn prepare(
    site: &Site,
    install: &Install,
    policy: &PersistPolicy,
    observer: &dyn Observer,
) -> Result<(), PersistError> {
    for missing in make(site, install, policy)? {
        if missing.wrong.is_some() {
            observer.note(&missing.to_string());
            continue;
        }
        if missing.is_directory {
            return Err(PersistError::Unreachable {
                missing: Box::new(missing),
            });
        }
        observer.note(&format!(
            "{missing}; the release finds it there once you put it"
        ));
    }
    Ok(())
}

/// Prepares the same for a release that is gone back to. That never fails for what the release that
/// is left did not have either.
pub(super) fn prepare_to_return(
    site: &Site,
    install: &Install,
    policy: &PersistPolicy,
    observer: &dyn Observer,
) {
    match make(site, install, policy) {
        Ok(left) => left
            .iter()
            .for_each(|missing| observer.note(&missing.to_string())),
        Err(error) => {
            observer.note(&format!("persistent paths could not be prepared: {error}"));
        }
    }
}

fn make(
    site: &Site,
    install: &Install,
    policy: &PersistPolicy,
) -> Result<Vec<MissingPath>, PersistError> {
    if install.persist.is_empty() {
        return Ok(Vec::new());
    }
    bulla_files::create_directory(&site.persist())?;
    persist::prepare(site, install, policy)
}
