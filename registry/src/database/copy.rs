//! The database copied while it is used: as it was at one moment, tokens and reports of hosts
//! included.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bulla_files::{Attempt as _, FileError};

use super::{Database, DatabaseError};
use crate::data::DataError;

impl Database {
    /// Writes a copy to a path at which nothing lies. Who reads and writes meanwhile does not wait.
    pub(crate) async fn copy_to(&self, path: &Path) -> Result<(), DatabaseError> {
        let name = path.to_str().ok_or_else(|| {
            let error = std::io::Error::other("SQLite takes only names that are UTF-8");
            DataError::from(FileError::new("copy the database to", path, error))
        })?;
        sqlx::query("VACUUM INTO $1")
            .bind(name)
            .execute(&self.lists)
            .await?;
        Ok(finish(path).map_err(DataError::from)?)
    }

    /// Returns how many tokens and hosts it knows.
    pub(crate) async fn count_known(&self) -> Result<(u64, u64), DatabaseError> {
        let tokens = self.tokens().await?.len() as u64;
        let hosts: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM hosts")
            .fetch_one(&self.lists)
            .await?;
        Ok((tokens, hosts.unsigned_abs()))
    }
}

/// SQLite leaves it to whoever made the copy who may read it, and that it is durable.
fn finish(path: &Path) -> Result<(), FileError> {
    let file = File::open(path).attempt("open", path)?;
    file.set_permissions(Permissions::from_mode(0o600))
        .and_then(|()| file.sync_all())
        .attempt("make durable", path)
}
