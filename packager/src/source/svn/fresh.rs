//! A revision that `svn` checked out into a directory that only this user can enter.
//!
//! It is read as any working copy is: what there is from the database, content from the pristine
//! texts. `svn export` would be faster, but leaves out without a word what the server keeps back
//! from this user, and the release would depend on who made it.

use std::ffi::OsStr;

use super::base;
use super::error::SvnError;
use super::export::{TREE, private_directory};
use super::layer::Layer;
use super::program::Svn;
use super::working_copy;
use super::xml::Info;
use crate::source::SourceError;
use crate::source::listing::Listing;

/// Checks out the revision that `pinned` names and lists what is in it.
pub(super) fn layer(svn: &Svn, pinned: &Info) -> Result<Layer, SourceError> {
    let revision = pinned.revision.to_string();
    let target = format!("{}@{revision}", pinned.url);
    let directory = private_directory(&svn.spool)?;
    let root = directory.path().join(TREE);
    // The place is taken literally: an `@` in it begins no revision.
    let operands = [OsStr::new(&target), root.as_os_str()];
    svn.run(
        &["checkout", "--quiet", "--ignore-externals", "-r", &revision],
        &operands,
    )?;
    let mut working_copy = working_copy::read(&root, &root)?;
    let problems = std::mem::take(&mut working_copy.problems);
    if !problems.is_empty() {
        return Err(SvnError::NotWhole {
            url: pinned.url.clone(),
            revision: pinned.revision,
            problems: Listing(problems.listing()),
        }
        .into());
    }
    let mut layer = base::layer(&working_copy)?;
    layer.export = Some(directory);
    Ok(layer)
}
