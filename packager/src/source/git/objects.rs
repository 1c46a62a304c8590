//! The object database, with a handle and a pack cache for each thread that reads.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bulla_bundle::Content;

use super::error::GitError;
use super::large::LargeBlobs;
use super::verify::{self, Verified};
use crate::source::SourceError;
use crate::source::ownership::require_own_git;
use crate::source::special::require_files_of_git;

/// Bytes of delta bases that one handle remembers. Neighbours in a tree are often deltas of the
/// same base, so a small cache has nearly all of the effect.
const DELTA_BASE_CACHE: &str = "core.deltaBaseCacheLimit=8m";

/// Largest object that is unpacked into memory when it can be streamed as well.
const MOST_IN_MEMORY: &str = "gitoxide.objects.allocLimit=8m";

/// Largest commit, tree or index. A damaged or hostile one may claim to have any size.
const MOST_AT_ALL: &str = "gitoxide.objects.allocLimit=512m";

/// An object that is missing or damaged.
#[derive(Debug, thiserror::Error)]
#[error(
    "object {id} cannot be read; `git --git-dir={git_dir} fsck` says what else is damaged, a fresh clone mends it",
    git_dir = .git_dir.display()
)]
struct UnreadableObject {
    id: gix::ObjectId,
    git_dir: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A repository that is read by many threads.
pub(super) struct Objects {
    shared: gix::ThreadSafeRepository,
    /// The same, refusing large objects.
    limited: gix::ThreadSafeRepository,
    /// Handles of `limited`. A thread takes one, reads, and puts it back with its caches warm.
    idle: Mutex<Vec<gix::Repository>>,
    /// The directory for temporary files.
    spool: PathBuf,
}

impl Objects {
    /// Opens the repository whose work tree or git directory is `top`.
    pub(super) fn open(top: &Path, spool: &Path) -> Result<Self, SourceError> {
        require_own_git(top)?;
        require_files_of_git(top)?;
        Ok(Self {
            shared: open(top, &[MOST_AT_ALL])?,
            limited: open(top, &[MOST_IN_MEMORY, DELTA_BASE_CACHE])?,
            idle: Mutex::default(),
            spool: spool.to_owned(),
        })
    }

    /// Returns a handle for all but content.
    pub(super) fn repository(&self) -> gix::Repository {
        self.shared.to_thread_local()
    }

    /// Opens the content of a blob.
    pub(super) fn blob(&self, id: gix::ObjectId) -> io::Result<Content> {
        let repository = self.take();
        let blob = repository.find_blob(id).map(|mut blob| blob.take_data());
        self.put(repository);
        match blob {
            Ok(bytes) => verify::blob(id, &bytes).map(|()| Content::Memory(bytes)),
            Err(error) if error.is_resource_exhausted() => self.large_blob(id),
            Err(error) => Err(self.unreadable(id, error)),
        }
    }

    fn unreadable(
        &self,
        id: gix::ObjectId,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> io::Error {
        io::Error::other(UnreadableObject {
            id,
            git_dir: self.shared.git_dir().to_owned(),
            source: source.into(),
        })
    }

    /// Streams a blob from where it is stored. That it is the one meant is known at its end.
    fn large_blob(&self, id: gix::ObjectId) -> io::Result<Content> {
        let repository = self.repository();
        let store = repository.objects.store_ref();
        let mut directories = vec![store.path().to_owned()];
        directories.extend(store.alternate_db_paths().map_err(io::Error::other)?);
        let blobs = LargeBlobs {
            directories,
            spool: self.spool.clone(),
        };
        match blobs.open(id)? {
            Some(Content::Stream { size, reader }) => Ok(Content::Stream {
                size,
                reader: Box::new(Verified::new(reader, size, id)),
            }),
            Some(Content::Memory(bytes)) => {
                verify::blob(id, &bytes).map(|()| Content::Memory(bytes))
            }
            None => Err(self.unreadable(id, io::Error::from(io::ErrorKind::NotFound))),
        }
    }

    fn take(&self) -> gix::Repository {
        let idle = self.idle().pop();
        idle.unwrap_or_else(|| self.limited.to_thread_local())
    }

    fn put(&self, repository: gix::Repository) {
        self.idle().push(repository);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<gix::Repository>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the repository whose work tree or git directory is `top`, for all but content.
pub(super) fn repository(top: &Path) -> Result<gix::Repository, SourceError> {
    require_own_git(top)?;
    require_files_of_git(top)?;
    Ok(open(top, &[MOST_AT_ALL])?.to_thread_local())
}

/// Opens with the repository's own configuration and no other, and without replacement objects.
/// Nothing that the configuration names is run. Whose it is was asked before.
fn open(top: &Path, settings: &[&str]) -> Result<gix::ThreadSafeRepository, GitError> {
    let repository = gix::open::Options::isolated()
        .with(gix::sec::Trust::Full)
        .config_overrides(
            settings
                .iter()
                .copied()
                .chain(["core.useReplaceRefs=false"]),
        )
        .open(top)
        .map_err(|source| GitError::Repository {
            action: "open",
            repository: top.to_owned(),
            source,
        })?;
    let opened = repository.to_thread_local();
    let references = opened.config_snapshot().string("extensions.refStorage");
    match references {
        Some(storage) if storage != "files" => Err(GitError::ReferenceStorage {
            repository: top.to_owned(),
            storage: storage.to_string(),
        }),
        _ => Ok(repository),
    }
}

/// Tells whether objects of the repository may be elsewhere by intention.
pub(super) fn is_partial(repository: &gix::Repository) -> bool {
    let configuration = repository.config_snapshot();
    configuration.string("extensions.partialClone").is_some()
        || repository.remote_names().iter().any(|name| {
            let key = format!("remote.{name}.promisor");
            configuration.boolean(key.as_str()).unwrap_or(false)
        })
}
