//! `App`: the parts that a request may use.

use std::path::Path;
use std::sync::Arc;

use bulla_schemas::ProjectName;

use crate::blobs::BlobStore;
use crate::clock::Clock;
use crate::data::{DataDirectory, DataLock};
use crate::database::Database;
use crate::error::RegistryError;
use crate::log::{Log, LogError};
use crate::oci_digest::OciDigest;
use crate::problem::Problem;
use crate::repositories::Repositories;
use crate::uploads::Uploads;

/// What whoever runs the registry decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether reading needs no token.
    pub anonymous_read: bool,
    /// Most bytes in a blob.
    pub most_blob_bytes: u64,
    /// Most uploads at once.
    pub most_uploads: usize,
    /// Most connections at once.
    pub most_connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            anonymous_read: false,
            most_blob_bytes: 32 << 30,
            most_uploads: 256,
            most_connections: 4096,
        }
    }
}

/// A registry over one data directory.
#[derive(Debug)]
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) blobs: BlobStore,
    pub(crate) repositories: Repositories,
    pub(crate) database: Database,
    pub(crate) uploads: Uploads,
    pub(crate) log: Log,
    /// Held while a tag is looked at and set, so that of two pushes one wins.
    pub(crate) pointers: tokio::sync::Mutex<()>,
    _lock: DataLock,
}

impl App {
    /// Opens the registry of a data directory and takes its lock.
    pub async fn open(
        root: &Path,
        settings: Settings,
        clock: Clock,
    ) -> Result<Arc<Self>, RegistryError> {
        let data = DataDirectory::open(root)?;
        let lock = data.lock()?;
        let (folder, key) = (data.log(), data.log_key());
        // Replaying a long log takes a while.
        let log = tokio::task::spawn_blocking(move || Log::open(&folder, &key))
            .await
            .map_err(|error| LogError::System(error.into()))??;
        let app = Arc::new(Self {
            database: Database::open(&data).await?,
            blobs: BlobStore::new(data.blobs()),
            repositories: Repositories::new(data.repositories()),
            uploads: Uploads::open(data.uploads(), settings.most_uploads)?,
            log,
            pointers: tokio::sync::Mutex::default(),
            settings,
            clock,
            _lock: lock,
        });
        app.reindex_if_lost().await?;
        app.attach_newest().await?;
        Ok(app)
    }

    /// Ends what the registry does beside requests.
    pub async fn close(self: &Arc<Self>) {
        let app = Arc::clone(self);
        if let Err(problem) = blocking(move || {
            app.log.close();
            Ok(())
        })
        .await
        {
            tracing::error!(problem = %problem.message(), "the log was not closed");
        }
        self.database.close().await;
    }

    /// Gives a repository a blob that is stored: the record first, then the index.
    pub(crate) async fn add_blob(
        self: &Arc<Self>,
        project: &ProjectName,
        blob: &OciDigest,
    ) -> Result<(), Problem> {
        if self.database.has_blob(project, blob).await? {
            return Ok(());
        }
        let (app, name, digest) = (Arc::clone(self), project.clone(), blob.clone());
        blocking(move || Ok(app.repositories.record_blob(&name, &digest)?)).await?;
        Ok(self.database.add_blob(project, blob).await?)
    }
}

/// Runs file operations where they may block.
pub(crate) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(run)).await?
}
