//! Git LFS: the content that pointers in a commit stand for.
//!
//! ```text
//! .git/lfs/objects/4d/7a/4d7a214614ab...     the content, named by its sha256
//! ```
//!
//! What is not there is fetched by the user's `git-lfs`, with the user's credentials and nothing of
//! the checkout's configuration that could run a program. Size and digest are verified while the
//! content is read.

mod fetch;
mod pointer;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bulla_bundle::Content;
use bulla_schemas::Digest;
use sha2::{Digest as _, Sha256};

use crate::source::git::error::GitContentError;
use crate::source::listing::Listing;
use crate::source::protected;
pub(super) use pointer::{Pointer, Reading};

/// A pointer and where it stands.
pub(super) struct Wanted {
    /// Its position among the entries.
    pub(super) position: usize,
    /// Its path in its own repository.
    pub(super) path: Vec<u8>,
    pub(super) pointer: Pointer,
}

/// A file of a store, of the right size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LargeFile {
    file: PathBuf,
    size: u64,
    /// The content's digest, as the pointer has it.
    pub(super) sha256: Digest,
}

impl LargeFile {
    /// Opens the content, which fails at its end unless it has the right digest.
    pub(super) fn open(&self) -> io::Result<Content> {
        Ok(Content::Stream {
            size: self.size,
            reader: Box::new(Verified {
                file: bulla_files::open_file(&self.file)?,
                left: self.size,
                hasher: Some(Sha256::new()),
                expected: self.clone(),
            }),
        })
    }
}

/// Finds the content of every pointer of `commit`, fetching what is missing.
pub(super) fn find(
    repository: &gix::Repository,
    commit: gix::ObjectId,
    wanted: Vec<Wanted>,
    spool: &Path,
) -> Result<Vec<(usize, LargeFile)>, GitContentError> {
    let stores = stores(repository);
    let (mut found, mut missing) = (Vec::new(), wanted);
    let mut look = |missing: Vec<Wanted>| -> Vec<Wanted> {
        let mut left = Vec::new();
        for wanted in missing {
            match stores
                .iter()
                .find_map(|store| in_store(store, &wanted.pointer))
            {
                Some(file) => found.push((wanted.position, file)),
                None => left.push(wanted),
            }
        }
        left
    };
    missing = look(missing);
    let mut said = String::new();
    if !missing.is_empty() {
        let pointers = missing.iter().map(|wanted| &wanted.pointer);
        if let Err(failure) = fetch::fetch(repository, commit, pointers, &stores[0], spool) {
            said = failure.to_string();
        }
        missing = look(missing);
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let names = missing
        .iter()
        .map(|wanted| {
            let path = String::from_utf8_lossy(&wanted.path).into_owned();
            (format!("missing {} bytes", wanted.pointer.size), path)
        })
        .collect();
    Err(GitContentError::LargeFiles {
        files: Listing(names),
        said,
    })
}

/// Lists the stores of the repository, the one that is written to first, and of those that it
/// borrows objects from.
fn stores(repository: &gix::Repository) -> Vec<PathBuf> {
    let common = repository.common_dir();
    let own = repository.config_snapshot().string("lfs.storage");
    // The user may keep it elsewhere.
    let configured = own.or_else(|| protected::values("lfs.storage").pop());
    let mut stores: Vec<PathBuf> = configured
        .and_then(protected::expanded)
        .map(|path| common.join(path))
        .into_iter()
        .collect();
    stores.push(common.join("lfs"));
    let borrowed = repository.objects.store_ref().alternate_db_paths();
    for objects in borrowed.unwrap_or_default() {
        stores.extend(objects.parent().map(|directory| directory.join("lfs")));
    }
    stores
}

fn in_store(store: &Path, pointer: &Pointer) -> Option<LargeFile> {
    let hex = pointer.sha256.hex();
    let file = store
        .join("objects")
        .join(&hex[..2])
        .join(&hex[2..4])
        .join(&hex);
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && metadata.len() == pointer.size).then_some(LargeFile {
        file,
        size: pointer.size,
        sha256: pointer.sha256,
    })
}

/// Reads a file of a store and compares it with its name.
struct Verified {
    file: File,
    left: u64,
    /// None once the digest was compared.
    hasher: Option<Sha256>,
    expected: LargeFile,
}

impl Read for Verified {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        self.left = self.left.saturating_sub(read as u64);
        // At the last byte, not after it: who has read all bytes may not ask again.
        if self.left == 0
            && let Some(hasher) = self.hasher.take()
            && Digest::from(hasher.finalize()) != self.expected.sha256
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "`{}` of Git LFS is damaged: it has another digest than its name; remove it and run `git lfs fetch`",
                    self.expected.file.display()
                ),
            ));
        }
        Ok(read)
    }
}
