//! Table `proposals`: statements that wait for signatures, and those that waited until `expires_at`, which
//! are only remembered. They are in no file; one that is lost is signed again.

use bulla_schemas::{Digest, ProjectName, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Database, DatabaseError, parse};

const COLUMNS: &str = "id, project, token, proposed_by, proposed_at, expires_at, envelope";

/// A statement that waits for signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProposalRow {
    /// The sha256 of its payload.
    pub(crate) id: Digest,
    /// The project that it is about; nothing for a policy.
    pub(crate) project: Option<ProjectName>,
    /// The token that it came with.
    pub(crate) token: String,
    /// The fingerprint of the key of who proposed it: one that had signed it then.
    pub(crate) proposed_by: String,
    /// When it came.
    pub(crate) proposed_at: Timestamp,
    /// When it is forgotten.
    pub(crate) expires_at: Timestamp,
    /// The envelope's text.
    pub(crate) envelope: String,
}

/// What is known of a proposal besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProposalPlace {
    /// The sha256 of its payload.
    pub(crate) id: Digest,
    /// The project that it is about; nothing for a policy.
    pub(crate) project: Option<ProjectName>,
    /// The fingerprint of the key of who proposed it.
    pub(crate) proposed_by: String,
    /// When it came.
    pub(crate) proposed_at: Timestamp,
    /// When it is, or was, forgotten.
    pub(crate) expires_at: Timestamp,
}

impl Database {
    /// Stores a proposal, or what became of one that is there.
    pub(crate) async fn set_proposal(&self, row: &ProposalRow) -> Result<(), DatabaseError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO proposals ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET token = excluded.token, proposed_by = excluded.proposed_by,
             proposed_at = excluded.proposed_at, expires_at = excluded.expires_at,
             envelope = excluded.envelope"
        )))
        .bind(row.id.to_string())
        .bind(name(row.project.as_ref()))
        .bind(&row.token)
        .bind(&row.proposed_by)
        .bind(row.proposed_at.to_string())
        .bind(row.expires_at.to_string())
        .bind(&row.envelope)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Returns a proposal that has not expired.
    pub(crate) async fn proposal(
        &self,
        id: &Digest,
        now: Timestamp,
    ) -> Result<Option<ProposalRow>, DatabaseError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM proposals WHERE id = $1 AND expires_at > $2"
        )))
        .bind(id.to_string())
        .bind(now.to_string())
        .fetch_optional(&self.reads)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Returns a proposal, be it one that is only remembered.
    pub(crate) async fn any_proposal(
        &self,
        id: &Digest,
    ) -> Result<Option<ProposalRow>, DatabaseError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM proposals WHERE id = $1"
        )))
        .bind(id.to_string())
        .fetch_optional(&self.reads)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Tells whether there is a proposal, be it expired.
    pub(crate) async fn has_proposal(&self, id: &Digest) -> Result<bool, DatabaseError> {
        let row = sqlx::query("SELECT 1 AS found FROM proposals WHERE id = $1");
        let row = row.bind(id.to_string()).fetch_optional(&self.reads).await?;
        Ok(row.is_some())
    }

    /// Returns up to `limit` proposals after the id `after` that have not expired.
    pub(crate) async fn proposals(
        &self,
        after: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ProposalRow>, DatabaseError> {
        let text = format!(
            "SELECT {COLUMNS} FROM proposals WHERE id > $1 AND expires_at > $2 ORDER BY id LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(text));
        let query = query.bind(after).bind(now.to_string());
        self.page(query, limit, read).await
    }

    /// Returns all proposals of a project, or all of policies.
    pub(crate) async fn proposals_of(
        &self,
        project: Option<&ProjectName>,
    ) -> Result<Vec<ProposalRow>, DatabaseError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM proposals WHERE project = $1"
        )))
        .bind(name(project))
        .fetch_all(&self.lists)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Returns all proposals without their texts.
    pub(crate) async fn proposal_places(&self) -> Result<Vec<ProposalPlace>, DatabaseError> {
        let rows =
            sqlx::query("SELECT id, project, proposed_by, proposed_at, expires_at FROM proposals");
        let rows = rows.fetch_all(&self.lists).await?;
        rows.iter().map(read_place).collect()
    }

    /// Has a proposal wait no longer and only be remembered; tells whether it waited.
    pub(crate) async fn expire_proposal(
        &self,
        id: &Digest,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let done =
            sqlx::query("UPDATE proposals SET expires_at = $1 WHERE id = $2 AND expires_at > $3")
                .bind(now.to_string())
                .bind(id.to_string())
                .bind(now.to_string())
                .execute(&self.writes)
                .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Removes a proposal, and tells whether there was one.
    pub(crate) async fn remove_proposal(&self, id: &Digest) -> Result<bool, DatabaseError> {
        let done = sqlx::query("DELETE FROM proposals WHERE id = $1")
            .bind(id.to_string())
            .execute(&self.writes)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Removes the proposals that wait no more since `before`.
    pub(crate) async fn remove_expired_proposals(
        &self,
        before: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query("DELETE FROM proposals WHERE expires_at <= $1")
            .bind(before.to_string())
            .execute(&self.writes)
            .await?;
        Ok(())
    }
}

fn name(project: Option<&ProjectName>) -> &str {
    project.map_or("", ProjectName::as_str)
}

fn read(row: &AnyRow) -> Result<ProposalRow, DatabaseError> {
    let ProposalPlace {
        id,
        project,
        proposed_by,
        proposed_at,
        expires_at,
    } = read_place(row)?;
    Ok(ProposalRow {
        id,
        project,
        token: row.try_get("token")?,
        proposed_by,
        proposed_at,
        expires_at,
        envelope: row.try_get("envelope")?,
    })
}

fn read_place(row: &AnyRow) -> Result<ProposalPlace, DatabaseError> {
    let project: String = row.try_get("project")?;
    Ok(ProposalPlace {
        id: parse(row, "id")?,
        project: if project.is_empty() {
            None
        } else {
            Some(parse(row, "project")?)
        },
        proposed_by: row.try_get("proposed_by")?,
        proposed_at: parse(row, "proposed_at")?,
        expires_at: parse(row, "expires_at")?,
    })
}
