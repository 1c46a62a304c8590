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
use std::path::{Path, PathBuf};

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle, VerifiedParts, VerifyError};
use bulla_schemas::Digest;
use bulla_schemas::manifest::Manifest;
use bulla_schemas::release::ReleaseDocument;

use super::error::StateError;
use crate::platform::files::{self, Attempt as _, FileError};
use crate::platform::stamp::Stamp;
use crate::site::Site;

const MANIFEST: &str = "manifest.json";
const RELEASE: &str = "release.json";
const FRAMES: &str = "frames";
const INDEX: &str = "index.jsonl";

/// Most bytes of a part, of which the index is the largest. What limits a bundle is checked where it
/// is verified.
const MOST: u64 = 256 * 1024 * 1024;

/// Returns how many bytes the files of a release have, as far as its document can be read. That is
/// not checked: nothing but retention goes by it.
pub(crate) fn bytes_in_files(site: &Site, hash: &Digest) -> Option<u64> {
    let document = files::read(&site.bundle(hash).join(RELEASE)).ok()??;
    let document: ReleaseDocument = serde_json::from_slice(&document).ok()?;
    Some(document.bytes)
}

/// A bundle that is kept, but for its index, which takes longer than all the rest and is read where
/// it is needed.
#[derive(Debug)]
pub(crate) struct KeptBundle {
    parts: VerifiedParts,
    index: PathBuf,
}

impl KeptBundle {
    /// Reads one; `None` when it is not kept, or damaged.
    pub(crate) fn read(site: &Site, hash: &Digest) -> Option<Self> {
        Some(Self {
            parts: read_parts(site, hash).ok()??,
            index: site.bundle(hash).join(INDEX),
        })
    }

    pub(crate) fn release(&self) -> &ReleaseDocument {
        self.parts.release()
    }

    /// Returns the stamp of the index if that is, byte for byte, what was signed. One that has the
    /// stamp of an index that was checked before is not read again.
    pub(crate) fn check_index(&self, checked: Stamp) -> Option<Stamp> {
        let stamp = stamp_of(&self.index);
        let is_known = stamp != Stamp::NONE && stamp == checked;
        (is_known || self.read_index().is_some()).then_some(stamp)
    }

    /// Reads the index. `None` for one that is damaged, or that no release could have.
    pub(crate) fn into_bundle(self) -> Option<VerifiedBundle> {
        let index = self.read_index()?;
        self.parts.verify(index).ok()
    }

    fn read_index(&self) -> Option<Vec<u8>> {
        let index = files::read_up_to(&self.index, MOST).ok()??;
        self.parts.check_index(&index).ok()?;
        Some(index)
    }
}

/// Returns the stamp of the index that is kept of a release.
pub(crate) fn index_stamp(site: &Site, hash: &Digest) -> Stamp {
    stamp_of(&site.bundle(hash).join(INDEX))
}

fn stamp_of(path: &Path) -> Stamp {
    rustix::fs::lstat(path).map_or(Stamp::NONE, |found| Stamp::from_stat(&found))
}

/// Reads a bundle; `None` when it is not kept. What is there and wrong is an error.
pub(crate) fn read(site: &Site, hash: &Digest) -> Result<Option<VerifiedBundle>, StateError> {
    let Some(parts) = read_parts(site, hash)? else {
        return Ok(None);
    };
    let index = read_index(site, hash)?;
    parts.verify(index).map(Some).map_err(damaged(site, hash))
}

/// Reads what a kept release says about itself, and nothing that takes long; `None` when that is not
/// kept, or damaged.
pub(crate) fn read_release(site: &Site, hash: &Digest) -> Option<ReleaseDocument> {
    let directory = site.bundle(hash);
    let part = |name: &str| files::read_up_to(&directory.join(name), MOST).ok()?;
    let (manifest, release) = (part(MANIFEST)?, part(RELEASE)?);
    if Digest::of(&manifest) != *hash {
        return None;
    }
    let manifest = Manifest::from_bytes(&manifest).ok()?;
    if Digest::of(&release) != manifest.config.digest {
        return None;
    }
    ReleaseDocument::from_bytes(&release).ok()
}

/// Reads all of a bundle but its index.
pub(crate) fn read_parts(site: &Site, hash: &Digest) -> Result<Option<VerifiedParts>, StateError> {
    if !site.bundle(hash).exists() {
        return Ok(None);
    }
    let manifest = read_part(site, hash, MANIFEST)?;
    let release = read_part(site, hash, RELEASE)?;
    let frames = read_part(site, hash, FRAMES)?;
    UnverifiedBundle {
        hash: *hash,
        manifest,
    }
    .verify_manifest(&Limits::default())
    .and_then(|manifest| manifest.verify_parts(release, frames))
    .map(Some)
    .map_err(damaged(site, hash))
}

/// Reads the index of a bundle that is kept. It is not checked yet.
pub(crate) fn read_index(site: &Site, hash: &Digest) -> Result<Vec<u8>, StateError> {
    read_part(site, hash, INDEX)
}

fn read_part(site: &Site, hash: &Digest, name: &str) -> Result<Vec<u8>, StateError> {
    let path = site.bundle(hash).join(name);
    let read = files::read_up_to(&path, MOST).and_then(|found| {
        let found = found.ok_or_else(|| ErrorKind::NotFound.into());
        found.attempt("read", path)
    });
    read.map_err(|source| StateError::IncompleteBundle {
        hash: *hash,
        source,
    })
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
