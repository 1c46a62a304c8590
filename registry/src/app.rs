//! `App`: the parts that a request may use.

pub(crate) mod mirror;
mod mirrored;
pub(crate) mod restore;
pub(crate) mod witnesses;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bulla_files::Lock;
use bulla_schemas::Timestamp;

use self::mirrored::Mirrored;
use crate::blocking::blocking;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::data::DataDirectory;
use crate::data::mirror::MirrorNote;
use crate::database::{Database, DatabaseError};
use crate::error::{RegistryError, on};
use crate::keep::{Indexed, index_cut_off, reindex, reindex_if_lost, unrecorded};
use crate::log::Log;
use crate::metrics::{Metrics, Seen};
use crate::objects::Objects;
use crate::publish::Catalog;
use crate::quota::{Exceeded, Quota};
use crate::settings::Settings;
use crate::store::blobs::BlobStore;
use crate::store::repositories::Repositories;
use crate::store::space::Disk;
use crate::store::uploads::Uploads;
use crate::turns::Turns;
use crate::watchers::Watchers;

/// Most bytes of bodies in memory at once, of all requests and of those of one token.
const MOST_BODIES: u64 = 128 << 20;
const MOST_BODIES_OF_TOKEN: u64 = 32 << 20;
/// Most bytes of answers in memory at once that clients have not taken yet, of all requests and of
/// those of one token; those without a token count as of one.
const MOST_ANSWERS: u64 = 64 << 20;
const MOST_ANSWERS_OF_TOKEN: u64 = 32 << 20;
/// How many long answers are made at once, of all and of one token; others wait.
const MOST_ANSWERING: usize = 4;
const MOST_ANSWERING_OF_TOKEN: usize = 3;

/// A registry over one data directory.
#[derive(Debug)]
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) catalog: Catalog,
    pub(crate) uploads: Arc<Uploads>,
    /// For bodies that are read as a whole.
    pub(crate) budget: Arc<Budget>,
    /// For answers that are sent as a whole.
    pub(crate) answers: Arc<Budget>,
    /// For making them.
    pub(crate) answering: Arc<Turns>,
    /// Who waits for the log to grow.
    pub(crate) watchers: Watchers,
    pub(crate) metrics: Metrics,
    /// What this is a mirror of, where it is one.
    pub(crate) mirror: Option<MirrorNote>,
    /// How far the mirror is.
    pub(crate) mirrored: Mirrored,
    is_stopping: AtomicBool,
    data: DataDirectory,
    disk: Disk,
    /// How many reports each token has sent.
    reports: Mutex<Quota>,
    _lock: Lock,
}

impl App {
    /// Opens the registry of a data directory and takes its lock for `command`.
    pub async fn open(
        root: &Path,
        command: &str,
        settings: Settings,
        clock: Clock,
    ) -> Result<Arc<Self>, RegistryError> {
        Self::open_over(Objects::new, root, command, settings, clock).await
    }

    /// Opens a mirror, or makes a data directory one, and takes its lock.
    pub(crate) async fn open_mirror(
        root: &Path,
        note: MirrorNote,
        settings: Settings,
        clock: Clock,
    ) -> Result<Arc<Self>, RegistryError> {
        let command = "bulla-registry mirror";
        let opened =
            Self::open_parts(Objects::new, root, command, Some(note), settings, clock).await;
        opened.map_err(on(&Disk::new(root.to_owned())))
    }

    /// Opens a registry whose index is to be made anew: nothing is done by the one that is there, which may
    /// be older than the files.
    pub(crate) async fn open_to_reindex(
        root: &Path,
        command: &str,
        clock: Clock,
    ) -> Result<Arc<Self>, RegistryError> {
        let opened = Self::join(
            Objects::new,
            root,
            command,
            None,
            Settings::default(),
            clock,
        );
        let Opened { app, .. } = opened.await.map_err(on(&Disk::new(root.to_owned())))?;
        Ok(app)
    }

    /// Opens a registry whose content and records are other objects than the files of its data
    /// directory.
    pub(crate) async fn open_over(
        objects: impl FnOnce(PathBuf) -> Objects,
        root: &Path,
        command: &str,
        settings: Settings,
        clock: Clock,
    ) -> Result<Arc<Self>, RegistryError> {
        let opened = Self::open_parts(objects, root, command, None, settings, clock).await;
        opened.map_err(on(&Disk::new(root.to_owned())))
    }

    async fn open_parts(
        objects: impl FnOnce(PathBuf) -> Objects,
        root: &Path,
        command: &str,
        mirror: Option<MirrorNote>,
        settings: Settings,
        clock: Clock,
    ) -> Result<Arc<Self>, RegistryError> {
        let opened = Self::join(objects, root, command, mirror, settings, clock);
        Box::pin(opened).await?.catch_up().await
    }

    async fn join(
        objects: impl FnOnce(PathBuf) -> Objects,
        root: &Path,
        command: &str,
        mirror: Option<MirrorNote>,
        settings: Settings,
        clock: Clock,
    ) -> Result<Opened, RegistryError> {
        let data = DataDirectory::open(root)?;
        let lock = data.lock(command, clock.now())?;
        if let Some(note) = &mirror {
            note.begin(&data)?;
        }
        let mirror = MirrorNote::read(data.root())?;
        let was_killed = data.indexing().begin().unwrap_or_else(|error| {
            // A disk that is full is told of by what comes next.
            tracing::debug!(%error, "that records are written was not noted");
            true
        });
        let (folder, key) = (data.log(), data.log_key());
        // Replaying a long log takes a while.
        let (is_copy, quota) = (mirror.is_some(), Quota::new(settings.most_entries));
        let log = blocking(move || {
            if is_copy {
                Log::open_copy(&folder)
            } else {
                Log::open(&folder, &key, quota)
            }
        })
        .await?;
        let objects = objects(data.root().to_owned());
        sweep(objects.clone(), data.locked_at()?);
        let disk = Disk::new(data.root().to_owned());
        let catalog = Catalog::new(
            BlobStore::new(objects.clone(), disk.clone()),
            Repositories::new(objects),
            Database::open(&data, clock.now()).await?,
            log,
            settings.mutable.clone(),
            data.content_lock(),
            clock.clone(),
        );
        let app = Arc::new(Self {
            uploads: Arc::new(Uploads::open(
                data.uploads(),
                disk.clone(),
                settings.uploads,
            )?),
            disk,
            data,
            catalog,
            budget: Budget::new(MOST_BODIES, MOST_BODIES_OF_TOKEN),
            answers: Budget::new(MOST_ANSWERS, MOST_ANSWERS_OF_TOKEN),
            answering: Turns::new(MOST_ANSWERING, MOST_ANSWERING_OF_TOKEN),
            watchers: Watchers::new(),
            metrics: Metrics::new(),
            mirror,
            mirrored: Mirrored::default(),
            is_stopping: AtomicBool::new(false),
            reports: Mutex::new(Quota::new(settings.most_reports)),
            settings,
            clock,
            _lock: lock,
        });
        app.disk.take_ballast(&app.data.ballast());
        Ok(Opened { app, was_killed })
    }

    /// Counts a report of a token before it is read.
    pub(crate) fn count_report(&self, token: &str, now: Timestamp) -> Result<(), Exceeded> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.take(token, now)
    }

    /// Rebuilds the index from the files. Tokens and what hosts reported stay as they are.
    pub async fn reindex(&self) -> Result<Indexed, RegistryError> {
        let command = "bulla-registry reindex";
        let _one_at_a_time = self.data.lock_keeping(command, self.clock.now())?;
        let count = unrecorded(&self.catalog).await?;
        if count > 0 {
            return Err(RegistryError::Unrecorded { count });
        }
        let indexed = reindex(&self.catalog).await;
        indexed.map_err(on(&self.disk))
    }

    /// Refuses to go on with an empty log where the index has statements of one: a log that is lost would
    /// begin anew, and servers refuse another history.
    pub(crate) async fn require_log(&self) -> Result<(), RegistryError> {
        let is_empty = self.catalog.published().state.size() == 0;
        if is_empty && self.catalog.database.has_statements().await? {
            return Err(RegistryError::LogLost);
        }
        Ok(())
    }

    /// Tells whether no log is here yet, as of a mirror that is new.
    pub(crate) fn is_without_log(&self) -> bool {
        self.catalog.published().checkpoint.is_empty()
    }

    /// Ends all watches, and says from now on that the registry is not ready.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.watchers.stop();
    }

    /// Tells whether the registry stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Finds out what the metrics show besides what is counted as it happens.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<Seen, DatabaseError> {
        let hosts = self.catalog.database.count_hosts().await?;
        let app = Arc::clone(self);
        Ok(blocking(move || app.look_at_disk(hosts)).await)
    }

    fn look_at_disk(&self, hosts: u64) -> Seen {
        let (deltas_made, delta_cache) = self.catalog.kept_deltas();
        let checkpoint = std::fs::metadata(self.data.log().join("checkpoint"));
        let made = checkpoint.and_then(|checkpoint| checkpoint.modified()).ok();
        let made = made.and_then(|made| made.duration_since(SystemTime::UNIX_EPOCH).ok());
        Seen {
            watches: self.watchers.count() as u64,
            uploads: self.uploads.count() as u64,
            log_entries: self.catalog.published().state.size(),
            checkpoint: made.map_or(0, |made| made.as_secs()),
            disk_free: self.disk.free(),
            disk_reserve: self.disk.reserve(),
            deltas_made,
            delta_cache,
            hosts,
            mirror_behind: self.mirrored.behind(self.catalog.published().state.size()),
            mirror_success: self.mirrored.success(),
        }
    }

    /// Ends what the registry does besides answering requests.
    pub async fn close(self: &Arc<Self>) {
        let app = Arc::clone(self);
        blocking(move || app.catalog.log.close()).await;
        self.catalog.database.close().await;
        if let Err(error) = self.data.indexing().end() {
            tracing::debug!(%error, "the next start looks for records without rows");
        }
    }
}

/// A registry whose parts are open.
struct Opened {
    app: Arc<App>,
    /// Whether it was killed when it was open last.
    was_killed: bool,
}

impl Opened {
    /// Adds to index and repositories what is there without them.
    async fn catch_up(self) -> Result<Arc<App>, RegistryError> {
        let Self { app, was_killed } = self;
        reindex_if_lost(&app.catalog).await?;
        let has_manifests = app.catalog.database.has_manifests().await?;
        // Nothing is written where a disk is to be mounted.
        if app.catalog.blobs.away(has_manifests)?.is_none() {
            if was_killed {
                index_cut_off(&app.data, &app.catalog, &app.clock).await?;
            }
            app.catalog.attach_newest().await?;
        }
        Ok(app)
    }
}

/// Removes what a crash has left, while requests are answered already: a large store takes a while.
fn sweep(objects: Objects, start: SystemTime) {
    drop(tokio::task::spawn_blocking(move || {
        if let Err(error) = objects.sweep(start) {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "what a crash has left was not removed");
        }
    }));
}
