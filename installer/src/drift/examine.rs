//! Looks whether a tree is still what was installed, and remembers what that cost: the stamps of
//! files that had to be hashed, so that they need not be hashed again.

use std::io::ErrorKind;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;

use super::error::DriftError;
use crate::platform::directory;
use crate::site::Site;
use crate::state::bundles;
use crate::state::record::TreeRecord;
use crate::tree::compare::{Comparison, compare, is_untouched};
use crate::tree::{TreeError, releases};

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Files whose stamp is known are not read.
    Quick,
    /// Every file is read.
    Full,
}

/// Compares the tree of a release in `releases/`. `None` when there is no tree, or when it was
/// touched and its bundle is not kept, so that nothing can be said.
pub(crate) fn examine(
    site: &Site,
    hash: &Digest,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    if let Some(untouched) = look_quickly(site, hash, depth)? {
        return Ok(Some(untouched));
    }
    // What is damaged is as good as not kept.
    match bundles::read(site, hash) {
        Ok(Some(bundle)) => compare_with(site, &bundle, depth),
        _ => Ok(None),
    }
}

/// The same with a bundle that was read already; `None` when there is no tree.
pub(crate) fn examine_with(
    site: &Site,
    bundle: &VerifiedBundle,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    match look_quickly(site, &bundle.hash(), depth)? {
        Some(untouched) => Ok(Some(untouched)),
        None => compare_with(site, bundle, depth),
    }
}

/// Says that a tree is what was installed when nothing touched it since.
fn look_quickly(
    site: &Site,
    hash: &Digest,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    if depth == Depth::Full || !releases::is_on_disk(site, hash) {
        return Ok(None);
    }
    let record = TreeRecord::read(&site.record(hash), hash)?;
    let untouched = record.filter(|record| is_untouched(record, &site.tree(hash)));
    Ok(untouched.map(|record| Comparison {
        differences: Vec::new(),
        record,
        mounted: Vec::new(),
        not_executable: Vec::new(),
    }))
}

fn compare_with(
    site: &Site,
    bundle: &VerifiedBundle,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    let hash = bundle.hash();
    if !releases::is_on_disk(site, &hash) {
        return Ok(None);
    }
    let tree = site.tree(&hash);
    if directory::open_top(&tree).is_err_and(|error| error.kind() == ErrorKind::CrossesDevices) {
        return Err(TreeError::Covered { path: tree }.into());
    }
    let path = site.record(&hash);
    let known = TreeRecord::read(&path, &hash)?;
    let hints = match depth {
        Depth::Quick => known.as_ref(),
        Depth::Full => None,
    };
    let comparison = compare(bundle, &tree, hints)?;
    // What is mounted has stamps that are not the tree's.
    if comparison.mounted.is_empty() && known.as_ref() != Some(&comparison.record) {
        // Only a hint: a disk that is full, or a person who may not write it, changes no answer.
        let _ = comparison.record.write(&path);
    }
    Ok(Some(comparison))
}
