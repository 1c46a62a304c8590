//! The release whose program passed its check when it was made live: only such a one is tried as the
//! agent. A program that removes what this server remembers so is not tried again and again.

use bulla_schemas::Digest;

use super::error::StateError;
use super::json;
use crate::site::Site;

/// Tells whether the program of a release has passed, or a person said that it may be tried.
pub(crate) fn is(site: &Site, hash: &Digest) -> bool {
    let checked: Option<Digest> = json::read(&site.checked()).ok().flatten();
    checked.as_ref() == Some(hash)
}

/// Notes it.
pub(crate) fn write(site: &Site, hash: &Digest) -> Result<(), StateError> {
    json::write(&site.checked(), hash)
}
