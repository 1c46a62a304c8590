//! Tokens in a data directory: created, listed and revoked, also while the registry runs.

use std::path::Path;

use bulla_schemas::Timestamp;
use secrecy::SecretString;

use crate::access::{Access, create_token};
use crate::clock::Clock;
use crate::database::{Database, TokenRow};
use crate::error::{RegistryError, on};
use crate::store::space::Disk;

/// The tokens of a data directory.
#[derive(Debug)]
pub struct Tokens {
    database: Database,
    disk: Disk,
    clock: Clock,
}

impl Tokens {
    /// Opens a data directory for its tokens only, without its lock.
    pub async fn open(root: &Path, clock: Clock) -> Result<Self, RegistryError> {
        let disk = Disk::new(root.to_owned());
        let opened = Database::open_in(root, clock.now()).await;
        Ok(Self {
            database: opened.map_err(on(&disk))?,
            disk,
            clock,
        })
    }

    /// Makes a token that ends after `lifetime` seconds, or never, and returns its secret, which
    /// is kept nowhere.
    pub async fn create(
        &self,
        name: &str,
        access: &Access,
        lifetime: Option<i64>,
    ) -> Result<(SecretString, TokenRow), RegistryError> {
        let now = self.clock.now();
        // A period beyond the end of time never ends.
        let end = lifetime.and_then(|lifetime| {
            Timestamp::from_seconds(now.as_seconds().saturating_add(lifetime)).ok()
        });
        let (secret, row) = create_token(name, access, now, end)?;
        let added = self.database.add_token(&row).await;
        added.map_err(on(&self.disk))?;
        Ok((secret, row))
    }

    /// Returns all tokens, the oldest first.
    pub async fn list(&self) -> Result<Vec<TokenRow>, RegistryError> {
        Ok(self.database.tokens().await?)
    }

    /// Revokes a token from now on, and tells whether there is one with this id.
    pub async fn revoke(&self, id: &str) -> Result<bool, RegistryError> {
        let revoked = self.database.revoke_token(id, self.clock.now()).await;
        revoked.map_err(on(&self.disk))
    }

    /// Closes the database.
    pub async fn close(self) {
        self.database.close().await;
    }
}
