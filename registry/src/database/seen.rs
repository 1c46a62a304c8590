//! `seen_at`: when the registry last took something in or said that it has it, and what is forgotten
//! because that is long ago. Both are decided by one statement, so that nothing is forgotten that
//! somebody was told of meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bulla_schemas::api::BlobFrame;
use bulla_schemas::{Digest, ProjectName, Timestamp};
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;
use sqlx::{Row as _, Transaction};

use super::{Database, DatabaseError, damaged, parse, parse_optional, parts};
use crate::frames::{PackId, Place};
use crate::oci::digest::OciDigest;

/// How many rows a statement is about.
const BATCH: usize = 500;
/// What was seen so many seconds ago need not be noted again: far less than what `gc` waits for.
const FRESH: i64 = 10 * 60;
/// What an earlier program wrote, which noted nothing.
const UNKNOWN: i64 = i64::MAX;

/// A manifest as `gc` sees it.
#[derive(Debug, Clone)]
pub(crate) struct SeenManifest {
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<OciDigest>,
    pub(crate) seen_at: i64,
}

impl Database {
    /// Notes that somebody relies on a blob of a repository, and tells whether there is one.
    pub(crate) async fn see_blob(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.see("blobs", project, digest, now).await
    }

    /// Notes that somebody relies on a manifest of a repository, and tells whether there is one.
    pub(crate) async fn see_manifest(
        &self,
        project: &ProjectName,
        digest: &OciDigest,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.see("manifests", project, digest, now).await
    }

    async fn see(
        &self,
        table: &str,
        project: &ProjectName,
        digest: &OciDigest,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let text = format!("SELECT seen_at FROM {table} WHERE repository = $1 AND digest = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(project.as_str())
            .bind(digest.to_string())
            .fetch_optional(&self.reads)
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        if row.try_get::<i64, _>("seen_at")? > now.as_seconds() - FRESH {
            return Ok(true);
        }
        let text = format!("UPDATE {table} SET seen_at = $3 WHERE repository = $1 AND digest = $2");
        let seen = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(project.as_str())
            .bind(digest.to_string())
            .bind(now.as_seconds())
            .execute(&self.writes)
            .await?;
        Ok(seen.rows_affected() > 0)
    }

    /// Notes that somebody relies on frames.
    pub(crate) async fn see_frames(
        &self,
        frames: impl Iterator<Item = Digest>,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let frames: Vec<Digest> = frames.collect();
        for batch in frames.chunks(BATCH) {
            let old = now.as_seconds() - FRESH;
            let text = format!(
                "SELECT 1 FROM frames WHERE seen_at <= $1 AND digest IN ({}) LIMIT 1",
                list(2, batch.len())
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(old);
            let any = bind_hex(query, batch).fetch_optional(&self.reads).await?;
            if any.is_none() {
                continue;
            }
            let text = format!(
                "UPDATE frames SET seen_at = $1 WHERE seen_at <= $2 AND digest IN ({})",
                list(3, batch.len())
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text));
            let query = query.bind(now.as_seconds()).bind(old);
            bind_hex(query, batch).execute(&self.writes).await?;
        }
        Ok(())
    }

    /// Counts as seen now what an earlier program wrote.
    pub(crate) async fn see_unknown(&self, now: Timestamp) -> Result<(), DatabaseError> {
        for table in ["blobs", "manifests", "frames"] {
            let text = format!("UPDATE {table} SET seen_at = $1 WHERE seen_at = $2");
            sqlx::query(sqlx::AssertSqlSafe(text))
                .bind(now.as_seconds())
                .bind(UNKNOWN)
                .execute(&self.writes)
                .await?;
        }
        Ok(())
    }

    /// Returns the manifests of a repository.
    pub(crate) async fn seen_manifests(
        &self,
        project: &ProjectName,
    ) -> Result<BTreeMap<OciDigest, SeenManifest>, DatabaseError> {
        let query = "SELECT digest, media_type, artifact_type, subject, seen_at FROM manifests
             WHERE repository = $1";
        let rows = sqlx::query(query).bind(project.as_str());
        let mut manifests = BTreeMap::new();
        for row in rows.fetch_all(&self.lists).await? {
            let manifest = SeenManifest {
                media_type: row.try_get("media_type")?,
                artifact_type: row.try_get("artifact_type")?,
                subject: parse_optional(&row, "subject")?,
                seen_at: row.try_get("seen_at")?,
            };
            manifests.insert(parse(&row, "digest")?, manifest);
        }
        Ok(manifests)
    }

    /// Returns the blobs of a repository that were seen last before `before`.
    pub(crate) async fn old_blobs(
        &self,
        project: &ProjectName,
        before: i64,
    ) -> Result<Vec<OciDigest>, DatabaseError> {
        let query = "SELECT digest FROM blobs WHERE repository = $1 AND seen_at < $2";
        let rows = sqlx::query(query).bind(project.as_str()).bind(before);
        let rows = rows.fetch_all(&self.lists).await?;
        rows.iter().map(|row| parse(row, "digest")).collect()
    }

    /// Forgets manifests of a repository, all at once. Those that were seen since `before` stay, and
    /// with them what `kept_by` says that they keep. Returns what was forgotten.
    pub(crate) async fn forget_manifests(
        &self,
        project: &ProjectName,
        manifests: &[OciDigest],
        before: i64,
        kept_by: impl Fn(&BTreeSet<OciDigest>) -> BTreeSet<OciDigest>,
    ) -> Result<Vec<OciDigest>, DatabaseError> {
        let mut transaction = self.write().await?;
        let mut seen = BTreeSet::new();
        for batch in manifests.chunks(BATCH) {
            let text = format!(
                "SELECT digest FROM manifests
                 WHERE repository = $1 AND seen_at >= $2 AND digest IN ({})",
                list(3, batch.len())
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text));
            let query = bind_digests(query.bind(project.as_str()).bind(before), batch);
            for row in query.fetch_all(&mut *transaction).await? {
                seen.insert(parse(&row, "digest")?);
            }
        }
        let kept = kept_by(&seen);
        let forgotten = manifests.iter().filter(|one| !kept.contains(one));
        let forgotten: Vec<OciDigest> = forgotten.cloned().collect();
        for batch in forgotten.chunks(BATCH) {
            let text = format!(
                "DELETE FROM manifests WHERE repository = $1 AND digest IN ({})",
                list(2, batch.len())
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(project.as_str());
            let query = bind_digests(query, batch);
            query.execute(&mut *transaction).await?;
        }
        for manifest in &forgotten {
            parts::remove(&mut transaction, project, manifest).await?;
        }
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// Forgets those blobs of a repository that were not seen since `before`.
    pub(crate) async fn forget_blobs(
        &self,
        project: &ProjectName,
        blobs: &[OciDigest],
        before: i64,
    ) -> Result<u64, DatabaseError> {
        let mut count = 0;
        for batch in blobs.chunks(BATCH) {
            let text = format!(
                "DELETE FROM blobs WHERE repository = $1 AND seen_at < $2 AND digest IN ({})",
                list(3, batch.len())
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text));
            let query = bind_digests(query.bind(project.as_str()).bind(before), batch);
            let done = query.execute(&self.writes).await?;
            count += done.rows_affected();
        }
        Ok(count)
    }

    /// Returns which of some content any repository has.
    pub(crate) async fn named(
        &self,
        content: &[OciDigest],
    ) -> Result<HashSet<OciDigest>, DatabaseError> {
        let mut named = HashSet::new();
        for batch in content.chunks(BATCH) {
            let list = list(1, batch.len());
            let text = format!(
                "SELECT digest FROM blobs WHERE digest IN ({list})
                 UNION SELECT digest FROM manifests WHERE digest IN ({list})"
            );
            let query = bind_digests(sqlx::query(sqlx::AssertSqlSafe(text)), batch);
            for row in query.fetch_all(&self.lists).await? {
                named.insert(parse(&row, "digest")?);
            }
        }
        Ok(named)
    }

    /// Returns the frames that are thought to lie in a pack: where, and when they were seen.
    pub(crate) async fn frames_in(
        &self,
        pack: PackId,
    ) -> Result<Vec<(Digest, Place, i64)>, DatabaseError> {
        let query = "SELECT digest, first, seen_at FROM frames WHERE pack = $1";
        let rows = sqlx::query(query).bind(pack.to_string());
        let rows = rows.fetch_all(&self.lists).await?;
        let read = |row: &sqlx::any::AnyRow| {
            let digest = Digest::from_hex(row.try_get("digest")?);
            let digest = digest.map_err(|source| damaged("digest", source))?;
            let offset = u64::try_from(row.try_get::<i64, _>("first")?);
            let offset = offset.map_err(|source| damaged("first", source))?;
            Ok((digest, Place { pack, offset }, row.try_get("seen_at")?))
        };
        rows.iter().map(read).collect()
    }

    /// Moves frames from one pack to another, and forgets those that are left in the first.
    pub(crate) async fn move_frames(
        &self,
        from: PackId,
        moved: &[(BlobFrame, Place)],
    ) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        for (frame, place) in moved {
            sqlx::query("UPDATE frames SET pack = $3, first = $4 WHERE digest = $1 AND pack = $2")
                .bind(frame.digest.hex())
                .bind(from.to_string())
                .bind(place.pack.to_string())
                .bind(i64::try_from(place.offset).unwrap_or(i64::MAX))
                .execute(&mut *transaction)
                .await?;
        }
        forget_pack(&mut transaction, from).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets the frames of a pack.
    pub(crate) async fn forget_pack(&self, pack: PackId) -> Result<(), DatabaseError> {
        let mut transaction = self.write().await?;
        forget_pack(&mut transaction, pack).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets that a repository has frames, other than those that it `needs` or that were seen since
    /// `before`.
    pub(crate) async fn forget_frames_of(
        &self,
        project: &ProjectName,
        needs: &HashSet<Digest>,
        before: i64,
    ) -> Result<(), DatabaseError> {
        let mut after = String::new();
        loop {
            let query = "SELECT digest FROM repository_frames
                 WHERE repository = $1 AND digest > $2 ORDER BY digest LIMIT $3";
            let query = sqlx::query(query).bind(project.as_str()).bind(&after);
            let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
            let page: Vec<String> = self
                .page(query, limit, |row| Ok(row.try_get("digest")?))
                .await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after.clone_from(last);
            let mut old = Vec::new();
            for digest in &page {
                let digest = Digest::from_hex(digest);
                let digest = digest.map_err(|source| damaged("digest", source))?;
                if !needs.contains(&digest) {
                    old.push(digest);
                }
            }
            if old.is_empty() {
                continue;
            }
            let text = format!(
                "DELETE FROM repository_frames WHERE repository = $1 AND digest IN ({})
                 AND NOT EXISTS (SELECT 1 FROM frames
                     WHERE frames.digest = repository_frames.digest AND seen_at >= $2)",
                list(3, old.len())
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(text));
            let query = bind_hex(query.bind(project.as_str()).bind(before), &old);
            query.execute(&self.writes).await?;
        }
    }
}

async fn forget_pack(
    transaction: &mut Transaction<'static, Any>,
    pack: PackId,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM frames WHERE pack = $1")
        .bind(pack.to_string())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// `$first, ...`: so many values.
fn list(first: usize, count: usize) -> String {
    let values: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    values.join(", ")
}

fn bind_digests<'q>(
    mut query: Query<'q, Any, AnyArguments>,
    digests: &[OciDigest],
) -> Query<'q, Any, AnyArguments> {
    for digest in digests {
        query = query.bind(digest.to_string());
    }
    query
}

fn bind_hex<'q>(
    mut query: Query<'q, Any, AnyArguments>,
    digests: &[Digest],
) -> Query<'q, Any, AnyArguments> {
    for digest in digests {
        query = query.bind(digest.hex());
    }
    query
}
