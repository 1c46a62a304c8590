//! Tables `frames`, where frames of blobs lie, and `repository_frames`, who has them.

use std::fmt::Write as _;

use bulla_schemas::api::BlobFrame;
use bulla_schemas::{Digest, ProjectName, Timestamp};
use sqlx::Row as _;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;

use super::{Database, DatabaseError, damaged, parse};
use crate::frames::{Place, Placed, Places};

/// How many frames a statement is about. A transaction is no longer than that either: an index that
/// knows half of a blob is a good index.
const BATCH: usize = 500;

impl Database {
    /// Returns where frames are thought to lie, of those that are known.
    pub(crate) async fn places(&self, frames: &[BlobFrame]) -> Result<Places, DatabaseError> {
        let mut places = Places::new();
        for batch in frames.chunks(BATCH) {
            let values: Vec<String> = (1..=batch.len()).map(|n| format!("${n}")).collect();
            let text = format!(
                "SELECT digest, pack, first FROM frames WHERE digest IN ({})",
                values.join(", ")
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text));
            self.read_places(query, batch, &mut places).await?;
        }
        Ok(places)
    }

    /// Forgets places at which frames were thought to lie, unless they have others by now.
    pub(crate) async fn forget_places(&self, places: &Places) -> Result<(), DatabaseError> {
        let places: Vec<_> = places.iter().collect();
        for batch in places.chunks(BATCH) {
            let values: Vec<String> = (0..batch.len())
                .map(|row| format!("(${}, ${}, ${})", 3 * row + 1, 3 * row + 2, 3 * row + 3))
                .collect();
            let text = format!(
                "DELETE FROM frames WHERE (digest, pack, first) IN (VALUES {})",
                values.join(", ")
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
            for (digest, place) in batch {
                let first = i64::try_from(place.offset).unwrap_or(i64::MAX);
                query = query.bind(digest.hex()).bind(place.pack.to_string());
                query = query.bind(first);
            }
            let mut transaction = self.write().await?;
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Indexes where frames lie, in place of where they were thought to.
    pub(crate) async fn add_places(
        &self,
        frames: &[Placed],
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        for batch in frames.chunks(BATCH) {
            // A statement may name no frame twice.
            let batch: Places = batch
                .iter()
                .map(|placed| (placed.frame.digest, placed.place))
                .collect();
            let mut text = "INSERT INTO frames (digest, pack, first, seen_at) VALUES ".to_owned();
            for row in 0..batch.len() {
                let comma = if row == 0 { "" } else { ", " };
                let [digest, pack, first] = [2, 3, 4].map(|column| 3 * row + column);
                let _ = write!(text, "{comma}(${digest}, ${pack}, ${first}, $1)");
            }
            text += " ON CONFLICT (digest) DO UPDATE SET pack = excluded.pack,
                 first = excluded.first, seen_at = excluded.seen_at";
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(now.as_seconds());
            for (digest, place) in batch {
                let first = i64::try_from(place.offset).unwrap_or(i64::MAX);
                query = query.bind(digest.hex()).bind(place.pack.to_string());
                query = query.bind(first);
            }
            let mut transaction = self.write().await?;
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Returns where the frames are thought to lie that a repository has.
    pub(crate) async fn frames_of(
        &self,
        project: &ProjectName,
        frames: &[BlobFrame],
    ) -> Result<Places, DatabaseError> {
        let mut places = Places::new();
        for batch in frames.chunks(BATCH) {
            let values: Vec<String> = (2..batch.len() + 2).map(|n| format!("${n}")).collect();
            let text = format!(
                "SELECT digest, pack, first FROM repository_frames JOIN frames USING (digest)
                 WHERE repository = $1 AND digest IN ({})",
                values.join(", ")
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(project.as_str());
            self.read_places(query, batch, &mut places).await?;
        }
        Ok(places)
    }

    /// Reads the places of some frames by a query to which their digests are bound last.
    async fn read_places(
        &self,
        mut query: Query<'_, Any, AnyArguments>,
        frames: &[BlobFrame],
        places: &mut Places,
    ) -> Result<(), DatabaseError> {
        for frame in frames {
            query = query.bind(frame.digest.hex());
        }
        for row in query.fetch_all(&self.reads).await? {
            let (digest, place) = read(&row)?;
            places.insert(digest, place);
        }
        Ok(())
    }

    /// Indexes that a repository has frames.
    pub(crate) async fn add_frames(
        &self,
        project: &ProjectName,
        frames: &[BlobFrame],
    ) -> Result<(), DatabaseError> {
        for batch in frames.chunks(BATCH) {
            let values: Vec<String> = (2..batch.len() + 2)
                .map(|n| format!("($1, ${n})"))
                .collect();
            let text = format!(
                "INSERT INTO repository_frames (repository, digest) VALUES {}
                 ON CONFLICT DO NOTHING",
                values.join(", ")
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(project.as_str());
            for frame in batch {
                query = query.bind(frame.digest.hex());
            }
            let mut transaction = self.write().await?;
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Forgets that a repository has frames.
    pub(crate) async fn remove_frames(
        &self,
        project: &ProjectName,
        frames: &[Digest],
    ) -> Result<(), DatabaseError> {
        for batch in frames.chunks(BATCH) {
            let values: Vec<String> = (2..batch.len() + 2).map(|n| format!("${n}")).collect();
            let text = format!(
                "DELETE FROM repository_frames WHERE repository = $1 AND digest IN ({})",
                values.join(", ")
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(project.as_str());
            for frame in batch {
                query = query.bind(frame.hex());
            }
            let mut transaction = self.write().await?;
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Forgets all frames.
    pub(crate) async fn forget_frames(&self) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        for table in ["DELETE FROM frames", "DELETE FROM repository_frames"] {
            sqlx::query(table).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<(Digest, Place), DatabaseError> {
    let offset: i64 = row.try_get("first")?;
    let offset = u64::try_from(offset).map_err(|source| damaged("first", source))?;
    let digest = Digest::from_hex(row.try_get("digest")?);
    let digest = digest.map_err(|source| damaged("digest", source))?;
    let pack = parse(row, "pack")?;
    Ok((digest, Place { pack, offset }))
}
