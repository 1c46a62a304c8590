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

use bulla_bundle::{Limits, UnverifiedBundle, VerifiedBundle, VerifiedParts};
use bulla_schemas::Digest;

use crate::durable;
use crate::error::{Error, OnPath as _};
use crate::layout::Server;
use crate::remove;

const MANIFEST: &str = "manifest.json";
const RELEASE: &str = "release.json";
const FRAMES: &str = "frames";
const INDEX: &str = "index.jsonl";

/// Reads a bundle; `None` when it is not kept. What is there and wrong is an error.
pub(crate) fn read(server: &Server, hash: &Digest) -> Result<Option<VerifiedBundle>, Error> {
    let Some((parts, index)) = read_parts(server, hash)? else {
        return Ok(None);
    };
    Ok(Some(parts.verify(index)?))
}

/// Reads a bundle up to its index, which is not checked yet.
pub(crate) fn read_parts(
    server: &Server,
    hash: &Digest,
) -> Result<Option<(VerifiedParts, Vec<u8>)>, Error> {
    let directory = server.bundle(hash);
    let Some(manifest) = durable::read(&directory.join(MANIFEST))? else {
        return Ok(None);
    };
    let part = |name: &str| {
        let path = directory.join(name);
        fs::read(&path).on("read", path)
    };
    let parts = UnverifiedBundle {
        hash: *hash,
        manifest,
    }
    .verify_manifest(&Limits::default())?
    .verify_parts(&part(RELEASE)?, &part(FRAMES)?)?;
    Ok(Some((parts, part(INDEX)?)))
}

/// Keeps a bundle. Nothing is durable before the file system is synced.
pub(crate) fn store(server: &Server, bundle: &VerifiedBundle) -> Result<(), Error> {
    let directory = server.bundle(&bundle.hash());
    let temporary = directory.with_added_extension("new");
    remove::remove_tree(&temporary)?;
    durable::create_private_directory(&temporary)?;
    for (name, bytes) in [
        (MANIFEST, bundle.manifest_bytes()),
        (RELEASE, bundle.release_bytes()),
        (FRAMES, bundle.frames_blob()),
        (INDEX, bundle.index_bytes()),
    ] {
        let path = temporary.join(name);
        fs::write(&path, bytes).on("write", path)?;
    }
    remove::remove_tree(&directory)?;
    fs::rename(&temporary, &directory).on("rename into place", directory)
}

/// Forgets a bundle, and is content when it is not kept.
pub(crate) fn remove(server: &Server, hash: &Digest) -> Result<(), Error> {
    remove::remove_tree(&server.bundle(hash))
}
