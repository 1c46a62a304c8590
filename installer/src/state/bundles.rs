//! What is kept of each bundle on this server: everything but the payload, whose content lies in
//! the tree.
//!
//! ```text
//! bundles/<64 hex>/
//!   manifest.json     its sha256 is the directory's name
//!   release.json      the release document
//!   frames            the frame table, compressed
//!   index.jsonl       the index, uncompressed
//! ```
//!
//! A directory appears whole, and what is read from it is checked again from the manifest on, by
//! the same reader as what comes from a registry.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle, VerifiedParts, VerifyError};
use bulla_schemas::Digest;
use bulla_schemas::release::ReleaseDocument;

use super::error::StateError;
use crate::platform::files::{self, Attempt as _, FileError};
use crate::site::Site;

const MANIFEST: &str = "manifest.json";
const RELEASE: &str = "release.json";
const FRAMES: &str = "frames";
const INDEX: &str = "index.jsonl";

/// A bundle that is kept: what its manifest names is, byte for byte, what was signed. What stands
/// in its index is read where that is needed, which takes longer than all the rest.
#[derive(Debug)]
pub(crate) struct KeptBundle {
    parts: VerifiedParts,
    /// `None` when it is damaged.
    index: Option<Vec<u8>>,
}

impl KeptBundle {
    /// Reads one; `None` when it is not kept, or more than its index is damaged.
    pub(crate) fn read(site: &Site, hash: &Digest) -> Option<Self> {
        let (parts, index) = read_parts(site, hash).ok()??;
        let index = Some(index).filter(|index| parts.check_index(index).is_ok());
        Some(Self { parts, index })
    }

    pub(crate) fn release(&self) -> &ReleaseDocument {
        self.parts.release()
    }

    /// Tells whether a tree can be compared with it.
    pub(crate) const fn is_whole(&self) -> bool {
        self.index.is_some()
    }

    /// Reads the index. `None` for one that no release could have.
    pub(crate) fn into_bundle(self) -> Option<VerifiedBundle> {
        self.parts.verify(self.index?).ok()
    }
}

/// Reads a bundle; `None` when it is not kept. What is there and wrong is an error.
pub(crate) fn read(site: &Site, hash: &Digest) -> Result<Option<VerifiedBundle>, StateError> {
    let Some((parts, index)) = read_parts(site, hash)? else {
        return Ok(None);
    };
    parts.verify(index).map(Some).map_err(damaged(site, hash))
}

/// Reads a bundle up to its index, which is not checked yet.
pub(crate) fn read_parts(
    site: &Site,
    hash: &Digest,
) -> Result<Option<(VerifiedParts, Vec<u8>)>, StateError> {
    let directory = site.bundle(hash);
    if !directory.exists() {
        return Ok(None);
    }
    let part = |name: &str| {
        let path = directory.join(name);
        let read = fs::read(&path).attempt("read", path);
        read.map_err(|source| StateError::IncompleteBundle {
            hash: *hash,
            source,
        })
    };
    let manifest = part(MANIFEST)?;
    let (release, frames) = (part(RELEASE)?, part(FRAMES)?);
    let parts = UnverifiedBundle {
        hash: *hash,
        manifest,
    }
    .verify_manifest(&Limits::default())
    .and_then(|manifest| manifest.verify_parts(&release, &frames))
    .map_err(damaged(site, hash))?;
    Ok(Some((parts, part(INDEX)?)))
}

/// Keeps a bundle. Nothing is durable before the file system is synced.
pub(crate) fn store(site: &Site, bundle: &VerifiedBundle) -> Result<(), StateError> {
    let directory = site.bundle(&bundle.hash());
    let temporary = directory.with_added_extension("new");
    remove_directory(&temporary)?;
    files::create_private_directory(&temporary)?;
    for (name, bytes) in [
        (MANIFEST, bundle.manifest_bytes()),
        (RELEASE, bundle.release_bytes()),
        (FRAMES, bundle.frames_blob()),
        (INDEX, bundle.index_bytes()),
    ] {
        let path = temporary.join(name);
        fs::write(&path, bytes).attempt("write", path)?;
    }
    remove_directory(&directory)?;
    Ok(fs::rename(&temporary, &directory).attempt("rename into place", directory)?)
}

/// Forgets a bundle, and is content when it is not kept.
pub(crate) fn remove(site: &Site, hash: &Digest) -> Result<(), StateError> {
    Ok(remove_directory(&site.bundle(hash))?)
}

fn remove_directory(path: &Path) -> Result<(), FileError> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotADirectory => fs::remove_file(path),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).attempt("remove", path),
        _ => Ok(()),
    }
}

fn damaged(site: &Site, hash: &Digest) -> impl FnOnce(VerifyError) -> StateError {
    let (hash, directory) = (*hash, site.bundle(hash));
    move |source| StateError::KeptBundle {
        hash,
        directory,
        source: Box::new(source),
    }
}
