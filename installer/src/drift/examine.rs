//! Looks whether a tree is still what was installed, and remembers what that cost: the stamps of
//! files that had to be hashed, so that they need not be hashed again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bulla_bundle::VerifiedBundle;
use bulla_schemas::Digest;

use super::error::DriftError;
use crate::platform::{directory, tick};
use crate::site::Site;
use crate::state::bundles::{self, KeptBundle};
use crate::state::record::TreeRecord;
use crate::tree::compare::{self, Comparison, compare, is_untouched};
use crate::tree::{TreeError, releases};

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Files whose stamp is known are not read.
    Quick,
    /// Every file is read.
    Full,
}

/// Compares the tree of a release in `releases/`; where its bundle is not kept or damaged, with what
/// was recorded of it. `None` when there is no tree, or no record either, so that nothing can be
/// said.
pub(crate) fn examine(
    site: &Site,
    hash: &Digest,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    if let Some(untouched) = look_quickly(site, hash, depth) {
        return Ok(Some(untouched));
    }
    // What is damaged is as good as not kept.
    match bundles::read(site, hash) {
        Ok(Some(bundle)) => compare_with(site, &bundle, depth),
        _ => compare_with_record(site, hash),
    }
}

/// The same with a bundle that was read already; `None` when there is no tree.
pub(crate) fn examine_with(
    site: &Site,
    bundle: &VerifiedBundle,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    match look_quickly(site, &bundle.hash(), depth) {
        Some(untouched) => Ok(Some(untouched)),
        None => compare_with(site, bundle, depth),
    }
}

/// A release as it is kept here, and its tree if nothing touched that: both are looked at at once,
/// and the index is read only where something touched it or the tree.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) kept: Option<KeptBundle>,
    untouched: Option<Comparison>,
}

impl Look {
    /// Looks at a release and its tree.
    pub(crate) fn at(site: &Site, hash: &Digest) -> Self {
        let (kept, untouched) = rayon::join(
            || KeptBundle::read(site, hash),
            || look_quickly(site, hash, Depth::Quick),
        );
        let untouched = untouched.and_then(|mut found| {
            let known = found.record.index;
            found.record.index = kept.as_ref()?.check_index(known)?;
            if found.record.index != known {
                remember(site, None, &found);
            }
            Some(found)
        });
        Self { kept, untouched }
    }

    /// Tells whether nothing touched the tree, and the bundle is whole.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.untouched.is_some()
    }

    /// Returns the bundle, when it is kept and whole.
    pub(crate) fn into_bundle(self) -> Option<VerifiedBundle> {
        self.kept?.into_bundle()
    }

    /// Compares the tree with the release. `None` when nothing can be said, because there is no
    /// tree, or the bundle is not kept or damaged.
    pub(crate) fn compare(self, site: &Site) -> Result<Option<Comparison>, DriftError> {
        if self.is_untouched() {
            return Ok(self.untouched);
        }
        match self.into_bundle() {
            Some(bundle) => compare_with(site, &bundle, Depth::Quick),
            None => Ok(None),
        }
    }
}

/// Tells whether the tree of a release that lies elsewhere for now is what was installed.
pub(crate) fn is_as_installed(site: &Site, hash: &Digest, tree: &Path) -> bool {
    let known = TreeRecord::read(&site.record(hash), hash);
    if let Some(known) = &known
        && is_untouched(known, tree)
    {
        return true;
    }
    let compared = match (bundles::read(site, hash), &known) {
        (Ok(Some(bundle)), _) => compare(&bundle, tree, known.as_ref()),
        (_, Some(known)) => compare::compare_with_record(known, tree),
        (_, None) => return false,
    };
    compared.is_ok_and(|found| found.is_intact())
}

/// Says that a tree is what was installed when nothing touched it since.
fn look_quickly(site: &Site, hash: &Digest, depth: Depth) -> Option<Comparison> {
    if depth == Depth::Full || !releases::is_on_disk(site, hash) {
        return None;
    }
    let record = TreeRecord::read(&site.record(hash), hash)?;
    is_untouched(&record, &site.tree(hash)).then(|| Comparison {
        differences: Vec::new(),
        record,
        mounted: Vec::new(),
        not_executable: Vec::new(),
    })
}

/// Compares a tree that something touched with a bundle that was read already; `None` when there
/// is no tree.
pub(crate) fn compare_with(
    site: &Site,
    bundle: &VerifiedBundle,
    depth: Depth,
) -> Result<Option<Comparison>, DriftError> {
    let hash = bundle.hash();
    let Some(tree) = tree(site, &hash)? else {
        return Ok(None);
    };
    let known = TreeRecord::read(&site.record(&hash), &hash);
    let hints = match depth {
        Depth::Quick => known.as_ref(),
        Depth::Full => None,
    };
    let now = tick::now(&site.releases());
    let mut comparison = compare(bundle, &tree, hints)?;
    let record = &mut comparison.record;
    record.index = bundles::index_stamp(site, &hash);
    record.is_as_written = known
        .as_ref()
        .is_some_and(|known| known.is_as_written && known.is_same_as(record));
    // Without the file system's time, who knows what is settled.
    if let Ok(now) = now {
        record.forget_since(now);
        remember(site, known.as_ref(), &comparison);
    }
    Ok(Some(comparison))
}

fn compare_with_record(site: &Site, hash: &Digest) -> Result<Option<Comparison>, DriftError> {
    let (Some(tree), Some(known)) = (
        tree(site, hash)?,
        TreeRecord::read(&site.record(hash), hash),
    ) else {
        return Ok(None);
    };
    Ok(Some(compare::compare_with_record(&known, &tree)?))
}

/// Returns where the tree of a release is, `None` when there is none.
fn tree(site: &Site, hash: &Digest) -> Result<Option<PathBuf>, TreeError> {
    if !releases::is_on_disk(site, hash) {
        return Ok(None);
    }
    let path = site.tree(hash);
    match directory::open_top(&path) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => Err(TreeError::Covered { path }),
        _ => Ok(Some(path)),
    }
}

/// Only a hint: a disk that is full, or a person who may not write it, changes no answer.
fn remember(site: &Site, known: Option<&TreeRecord>, found: &Comparison) {
    // What is mounted has stamps that are not the tree's.
    if found.mounted.is_empty() && known != Some(&found.record) {
        let _ = found.record.write(&site.record(&found.record.hash));
    }
}
