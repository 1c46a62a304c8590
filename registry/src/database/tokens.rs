//! Table `tokens`: who may ask for what. It is not an index over files: a lost token is lost.

use bulla_schemas::{Digest, HostName, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rows::TokenRow;
use super::{Database, DatabaseError};

const COLUMNS: &str = "id, name, secret_digest, scopes, projects, host, created_at, expires_at, \
     last_used_at, revoked_at";

impl Database {
    /// Stores a new token.
    pub(crate) async fn add_token(&self, token: &TokenRow) -> Result<(), DatabaseError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO tokens ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        )))
        .bind(&token.id)
        .bind(&token.name)
        .bind(token.secret.to_string())
        .bind(&token.scopes)
        .bind(&token.projects)
        .bind(token.host.as_ref().map(HostName::as_str))
        .bind(token.created_at.to_string())
        .bind(token.expires_at.map(|time| time.to_string()))
        .bind(token.last_used_at.map(|time| time.to_string()))
        .bind(token.revoked_at.map(|time| time.to_string()))
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Returns the token with this secret, revoked and expired ones too.
    pub(crate) async fn token_by_secret(
        &self,
        secret: &Digest,
    ) -> Result<Option<TokenRow>, DatabaseError> {
        let read = async |secret: &Digest| {
            let row = sqlx::query(sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM tokens WHERE secret_digest = $1"
            )))
            .bind(secret.to_string())
            .fetch_optional(&self.reads)
            .await?;
            row.as_ref().map(read).transpose()
        };
        let remembered = &self.remembered;
        let found = remembered.tokens.get(&remembered.versions, *secret, read);
        found.await
    }

    /// Returns all tokens, the oldest first.
    pub(crate) async fn tokens(&self) -> Result<Vec<TokenRow>, DatabaseError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM tokens ORDER BY created_at, id"
        )))
        .fetch_all(&self.lists)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Revokes a token and tells whether there was one. A second time changes nothing.
    pub(crate) async fn revoke_token(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let done =
            sqlx::query("UPDATE tokens SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1")
                .bind(id)
                .bind(now.to_string())
                .execute(&self.writes)
                .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Notes that a token was used.
    pub(crate) async fn touch_token(&self, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE tokens SET last_used_at = $2 WHERE id = $1")
            .bind(id)
            .bind(now.to_string())
            .execute(&self.writes)
            .await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<TokenRow, DatabaseError> {
    Ok(TokenRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        secret: super::parse(row, "secret_digest")?,
        scopes: row.try_get("scopes")?,
        projects: row.try_get("projects")?,
        host: super::parse_optional(row, "host")?,
        created_at: super::parse(row, "created_at")?,
        expires_at: super::parse_optional(row, "expires_at")?,
        last_used_at: super::parse_optional(row, "last_used_at")?,
        revoked_at: super::parse_optional(row, "revoked_at")?,
    })
}
