//! `Database`: opening it, and what all tables need.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use bulla_schemas::{Digest, ProjectName, Timestamp};
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Row as _, Transaction};

use super::error::DatabaseError;
use super::known::Known;
use super::rows::{ManifestRow, TokenRow};
use super::version::Versions;
use crate::data::{DataDirectory, DataError};
use crate::failpoint::failpoint;
use crate::oci::digest::OciDigest;
use crate::oci::reference::Tag;

/// Every change of the tables, in order. One that was released is never edited.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Most connections for what is found by its key.
const MOST_READS: u32 = 4;
/// Most connections for lists.
const MOST_LISTS: u32 = 4;

/// The database. Its connections are kept apart by what they are for, so that neither lists nor
/// writes take one from what every request needs.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// For what is found by its key, which takes next to no time.
    pub(super) reads: AnyPool,
    /// For lists, which may be long.
    pub(super) lists: AnyPool,
    /// For what is written. SQLite takes one writer at a time: others wait here, for as long as
    /// they would wait there.
    pub(super) writes: AnyPool,
    /// What reads by key have found.
    pub(super) remembered: Arc<Remembered>,
}

/// Rows that were read lately.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) versions: Versions,
    /// Which repository has which blob.
    pub(super) blobs: Known<(ProjectName, OciDigest), ()>,
    pub(super) manifests: Known<(ProjectName, OciDigest), Arc<ManifestRow>>,
    pub(super) tags: Known<(ProjectName, Tag), OciDigest>,
    /// The manifests that tags name.
    pub(super) tagged: Known<(ProjectName, Tag), Arc<ManifestRow>>,
    /// Tokens by the digests of their secrets.
    pub(super) tokens: Known<Digest, TokenRow>,
}

impl Database {
    /// Opens the database of the data directory at `root`, without its lock, and makes both where
    /// they are missing.
    pub(crate) async fn open_in(root: &Path, now: Timestamp) -> Result<Self, DatabaseError> {
        Self::open(&DataDirectory::open(root)?, now).await
    }

    /// Opens the database of a data directory, and makes it where there is none. Several
    /// processes may have it open: `token create` works while the server runs.
    pub(crate) async fn open(data: &DataDirectory, now: Timestamp) -> Result<Self, DatabaseError> {
        install_default_drivers();
        let path = data.database();
        // SQLite would make an empty one where a link leads whose disk is not mounted.
        bulla_files::has_file(&path).map_err(DataError::from)?;
        // Held while the tables are made: two processes may start at once in an empty directory.
        let _lock = data.lock_database(now)?;
        let url = sqlite_url(&path);
        let cannot_open = |source| DatabaseError::Open {
            path: path.display().to_string(),
            source,
        };
        // A pool would try again for half a minute where the disk is full, and not say so.
        let mut first = AnyConnection::connect(&url).await.map_err(cannot_open)?;
        prepare(&mut first).await.map_err(cannot_open)?;
        migrate(&mut first, &path).await?;
        let pool = |most| {
            AnyPoolOptions::new()
                .max_connections(most)
                // A file does not go away as a server does.
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(|connection, _| Box::pin(prepare(connection)))
                .connect_lazy(&url)
                .map_err(cannot_open)
        };
        let database = Self {
            reads: pool(MOST_READS)?,
            lists: pool(MOST_LISTS)?,
            writes: pool(1)?,
            remembered: Arc::new(Remembered {
                versions: Versions::new(&path),
                blobs: Known::default(),
                manifests: Known::default(),
                tags: Known::default(),
                tagged: Known::default(),
                tokens: Known::default(),
            }),
        };
        // Once another one is open: the last that closes writes all to the disk.
        database.ping().await?;
        // From here on what SQLite has now counts, whatever is put in its place.
        database.remembered.versions.now();
        first.close().await?;
        Ok(database)
    }

    /// Begins a transaction that will write. SQLite takes the write lock at once, so that two
    /// writers wait for each other instead of failing when they upgrade.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Any>, DatabaseError> {
        Ok(self.writes.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Reads a page of a list: `query` with all values bound but the last, how many rows there may
    /// be.
    pub(super) async fn page<T>(
        &self,
        query: Query<'_, Any, AnyArguments>,
        limit: u32,
        read: impl Fn(&AnyRow) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        let rows = query.bind(i64::from(limit)).fetch_all(&self.lists).await?;
        rows.iter().map(read).collect()
    }

    /// Fails when the database does not answer.
    pub(crate) async fn ping(&self) -> Result<(), DatabaseError> {
        sqlx::query("SELECT 1").execute(&self.reads).await?;
        Ok(())
    }

    /// Closes all connections.
    pub(crate) async fn close(&self) {
        for pool in [&self.reads, &self.lists, &self.writes] {
            pool.close().await;
        }
    }
}

/// Makes the tables, or changes those of an earlier program: all of it or nothing, so that whatever
/// ends this, the next start begins with what was there.
async fn migrate(connection: &mut AnyConnection, path: &Path) -> Result<(), DatabaseError> {
    let failed = |error: MigrateError| match error {
        MigrateError::VersionMissing(version) => DatabaseError::Newer {
            path: path.display().to_string(),
            version,
            known: MIGRATIONS
                .iter()
                .map(|step| step.version)
                .max()
                .unwrap_or(0),
        },
        error => DatabaseError::Migrate(error),
    };
    let failed_statement = |error| DatabaseError::Migrate(MigrateError::Execute(error));
    let mut changes = connection.begin().await.map_err(failed_statement)?;
    MIGRATIONS.run(&mut *changes).await.map_err(failed)?;
    failpoint!("connection::tables-changed");
    changes.commit().await.map_err(failed_statement)
}

/// Sets what every connection needs.
async fn prepare(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    // A revoked token must stay revoked after a power failure: full sync.
    for pragma in [
        "PRAGMA busy_timeout = 10000",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
    ] {
        connection.execute(pragma).await?;
    }
    Ok(())
}

/// Reads a column of text as the type that wrote it.
pub(super) fn parse<T>(row: &AnyRow, column: &str) -> Result<T, DatabaseError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|source| damaged(column, source))
}

/// Reads a column of text that may be empty.
pub(super) fn parse_optional<T>(row: &AnyRow, column: &str) -> Result<Option<T>, DatabaseError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<Option<String>, _>(column)?
        .map(|text| text.parse().map_err(|source| damaged(column, source)))
        .transpose()
}

pub(super) fn damaged(
    column: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> DatabaseError {
    DatabaseError::Statement(sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    })
}

/// `sqlite://` and the path with everything but plain characters percent-encoded, which is what
/// sqlx decodes.
fn sqlite_url(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut url = "sqlite://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            url.push(char::from(*byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url.push_str("?mode=rwc");
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulla_schemas::api::BlobFrame;
    use bulla_schemas::outcome::Outcome as _;
    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::{Migration, MigrationType};

    use crate::database::{Referrers, ReportRow};
    use crate::frames::{Place, Placed};

    #[tokio::test]
    async fn opens_in_a_folder_with_an_odd_name() {
        let directory = tempfile::tempdir().unwrap();
        let odd = directory.path().join("ä b?c#d%20");
        let data = DataDirectory::open(&odd).unwrap();
        Database::open(&data, Timestamp::EPOCH)
            .await
            .unwrap()
            .ping()
            .await
            .unwrap();
        assert!(odd.join("registry.db").is_file());
    }

    /// Makes the tables as an earlier program left them.
    async fn database_of_version(version: i64, data: &DataDirectory) -> AnyPool {
        install_default_drivers();
        let pool = AnyPool::connect(&sqlite_url(&data.database()))
            .await
            .unwrap();
        let steps = MIGRATIONS.iter().filter(|step| step.version <= version);
        Migrator::with_migrations(steps.cloned().collect())
            .run(&pool)
            .await
            .unwrap();
        pool
    }

    /// Opens a database with this version of the program.
    async fn reopened(pool: AnyPool, data: &DataDirectory) -> Database {
        pool.close().await;
        Database::open(data, Timestamp::EPOCH).await.unwrap()
    }

    #[tokio::test]
    async fn a_database_of_the_first_version_keeps_its_tokens_and_takes_reports() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let pool = database_of_version(1, &data).await;
        sqlx::query(
            "INSERT INTO tokens (id, name, secret_digest, scopes, projects, created_at)
             VALUES ('4f1c2a90b7de', 'old', $1, 'report', '*', '2026-11-22T22:40:00Z')",
        )
        .bind(bulla_schemas::Digest::of(b"secret").to_string())
        .execute(&pool)
        .await
        .unwrap();
        let database = reopened(pool, &data).await;
        let tokens = database.tokens().await.unwrap();
        assert_eq!(tokens.len(), 1);
        assert_eq!((tokens[0].name.as_str(), &tokens[0].host), ("old", &None));
        let facts = serde_json::from_str(
            r#"{"observedAt":"2026-11-28T06:39:49Z","interval":"1m","installer":"1",
                "system":"Debian","logSize":1}"#,
        );
        let report = ReportRow::new(&facts.unwrap(), Vec::new()).unwrap();
        let host = "web1".parse().unwrap();
        let now = Timestamp::EPOCH;
        assert!(
            database
                .take_report(&host, &report, now, 1, now)
                .await
                .unwrap()
        );
        assert_eq!(database.hosts("", 9).await.unwrap()[0].host, host);
    }

    #[tokio::test]
    async fn a_database_of_the_second_version_knows_how_long_its_referrers_are() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let pool = database_of_version(2, &data).await;
        let subject = OciDigest::from(bulla_schemas::Digest::of(b"subject"));
        let annotations = [(r#"{"long":"ä"}"#, Some("a/b")), ("{}", None)];
        for (number, (annotations, artifact_type)) in annotations.into_iter().enumerate() {
            sqlx::query("INSERT INTO manifests VALUES ('acme/tool', $1, 'm', 1, $2, $3, $4)")
                .bind(format!("sha256:{}", number.to_string().repeat(64)))
                .bind(artifact_type)
                .bind(subject.to_string())
                .bind(annotations)
                .execute(&pool)
                .await
                .unwrap();
        }
        let database = reopened(pool, &data).await;
        let project = "acme/tool".parse().unwrap();
        let asked = Referrers {
            project: &project,
            subject: &subject,
            artifact_type: None,
            after: "",
        };
        let sizes = database.referrer_sizes(&asked, 9).await.unwrap();
        assert_eq!(sizes, [13 + 3, 2]);
        let listed = database.referrers(&asked, 9).await.unwrap();
        assert_eq!(listed[0].annotations, r#"{"long":"ä"}"#);
        assert_eq!(listed[1].row.artifact_type, None);
    }

    #[tokio::test]
    async fn a_database_of_the_third_version_keeps_its_blobs_and_takes_places_of_frames() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let pool = database_of_version(3, &data).await;
        let whole = OciDigest::from(Digest::of(b"whole"));
        sqlx::query("INSERT INTO blobs VALUES ('acme/tool', $1)")
            .bind(whole.to_string())
            .execute(&pool)
            .await
            .unwrap();
        let database = reopened(pool, &data).await;
        let project = "acme/tool".parse().unwrap();
        assert!(database.has_blob(&project, &whole).await.unwrap());
        // More than one statement takes, and each of them twice.
        let at = |number: u32, offset| Placed {
            frame: BlobFrame {
                digest: Digest::of(&(number % 700).to_le_bytes()),
                size: 1,
            },
            place: Place {
                pack: uuid::Uuid::from_u128(7).into(),
                offset,
            },
        };
        let mut frames: Vec<Placed> = (0..1400).map(|number| at(number, 5)).collect();
        database
            .add_places(&frames, Timestamp::EPOCH)
            .await
            .unwrap();
        frames.truncate(1);
        frames[0].place.offset = 9;
        database
            .add_places(&frames, Timestamp::EPOCH)
            .await
            .unwrap();
        let asked: Vec<BlobFrame> = (0..701).map(|number| at(number, 0).frame).collect();
        let unknown = BlobFrame {
            digest: Digest::of(b"unknown"),
            size: 1,
        };
        let places = database
            .places(&[&asked[..], &[unknown]].concat())
            .await
            .unwrap();
        assert_eq!(places.len(), 700);
        assert_eq!(places[&frames[0].frame.digest], frames[0].place);
        let other = "acme/other".parse().unwrap();
        database.add_frames(&project, &asked).await.unwrap();
        database.add_frames(&project, &asked).await.unwrap();
        database.add_frames(&other, &[unknown]).await.unwrap();
        let has = async |project, frames: &[BlobFrame]| {
            database.frames_of(project, frames).await.unwrap().len()
        };
        assert_eq!(has(&project, &asked).await, 700);
        assert_eq!(has(&other, &asked).await, 0);
        assert_eq!(has(&other, &[unknown]).await, 0, "nothing says where");
        database.forget_frames().await.unwrap();
        assert_eq!(has(&project, &asked).await, 0);
        assert!(
            database
                .places(&[frames[0].frame])
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_database_that_a_newer_program_has_changed_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        Database::open(&data, Timestamp::EPOCH)
            .await
            .unwrap()
            .close()
            .await;
        let newest = MIGRATIONS.iter().map(|step| step.version).max().unwrap();
        let later = Migration::new(
            newest + 1,
            "later".into(),
            MigrationType::Simple,
            "CREATE TABLE later (what TEXT)".into_sql_str(),
            false,
        );
        let steps = MIGRATIONS.iter().cloned().chain([later]).collect();
        let pool = AnyPool::connect(&sqlite_url(&data.database()))
            .await
            .unwrap();
        let newer = Migrator::with_migrations(steps);
        newer.run(&pool).await.unwrap();
        pool.close().await;
        let before = std::fs::read(data.database()).unwrap();
        for _ in 0..2 {
            let refused = Database::open(&data, Timestamp::EPOCH).await.unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!(
                    "a newer bulla-registry has changed the database `{}`: it has version {}, and \
                     this program knows versions up to {newest}",
                    data.database().display(),
                    newest + 1
                )
            );
            let hint = refused.hint().unwrap();
            assert!(hint.starts_with("run that bulla-registry"), "{hint}");
        }
        assert_eq!(std::fs::read(data.database()).unwrap(), before);
    }

    #[tokio::test]
    async fn lists_and_writes_that_take_all_their_connections_leave_those_of_every_request() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let database = Database::open(&data, Timestamp::EPOCH).await.unwrap();
        let mut taken = vec![database.writes.acquire().await.unwrap()];
        for _ in 0..MOST_LISTS {
            taken.push(database.lists.acquire().await.unwrap());
        }
        database.ping().await.unwrap();
        assert!(database.lists.try_acquire().is_none());
    }

    #[tokio::test]
    async fn two_processes_may_make_the_tables_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let open = || {
            let data = data.clone();
            tokio::task::spawn_blocking(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(Database::open(&data, Timestamp::EPOCH))
                    .map(drop)
            })
        };
        let (one, two) = tokio::join!(open(), open());
        one.unwrap().unwrap();
        two.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_remembered_is_forgotten_when_another_process_writes() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let ours = Database::open(&data, Timestamp::EPOCH).await.unwrap();
        let theirs = Database::open(&data, Timestamp::EPOCH).await.unwrap();
        let project: ProjectName = "acme/tool".parse().unwrap();
        let blob = OciDigest::from(Digest::of(b"blob"));
        let tag: Tag = "latest".parse().unwrap();
        let versions = &ours.remembered.versions;
        for _ in 0..50 {
            theirs
                .add_blob(&project, &blob, Timestamp::EPOCH)
                .await
                .unwrap();
            theirs.set_tag(&project, &tag, &blob).await.unwrap();
            assert!(ours.has_blob(&project, &blob).await.unwrap());
            assert_eq!(
                ours.tag(&project, &tag).await.unwrap().as_ref(),
                Some(&blob)
            );
            let version = versions.now().unwrap();
            // Nothing has happened, so the database is not asked again.
            let unreachable = async |_: &_| panic!("asked");
            let key = (project.clone(), blob.clone());
            let known = ours.remembered.blobs.get(versions, key, unreachable);
            assert_eq!(known.await.unwrap(), Some(()));
            assert_eq!(versions.now(), Some(version));

            theirs.remove_tag(&project, &tag).await.unwrap();
            assert_ne!(versions.now(), Some(version));
            assert_eq!(ours.tag(&project, &tag).await.unwrap(), None);
            theirs.remove_blob(&project, &blob).await.unwrap();
            assert!(!ours.has_blob(&project, &blob).await.unwrap());
        }
    }

    #[tokio::test]
    async fn what_is_remembered_does_not_outlive_the_files_of_the_database() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let database = Database::open(&data, Timestamp::EPOCH).await.unwrap();
        let versions = Versions::new(&data.database());
        assert!(versions.now().is_some());
        database.close().await;
        assert_eq!(versions.now(), None, "no connection is open");
        let _again = Database::open(&data, Timestamp::EPOCH).await.unwrap();
        assert_eq!(versions.now(), None, "of the files of then");
    }

    #[tokio::test]
    async fn what_is_remembered_of_a_linked_database_is_forgotten_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(directory.path()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let file = elsewhere.path().join("registry.db");
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, data.database()).unwrap();
        // What is left of a database that was moved, and never changes.
        let old = directory.path().join("registry.db-shm");
        std::fs::write(&old, vec![7; 1 << 15]).unwrap();
        let database = Database::open(&data, Timestamp::EPOCH).await.unwrap();
        let versions = &database.remembered.versions;
        let before = versions.now().unwrap();
        let project: ProjectName = "acme/tool".parse().unwrap();
        let blob = OciDigest::from(Digest::of(b"blob"));
        let added = database.add_blob(&project, &blob, Timestamp::EPOCH);
        added.await.unwrap();
        assert_ne!(versions.now(), Some(before));
    }
}
