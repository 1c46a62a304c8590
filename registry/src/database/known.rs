//! Rows that were read lately by their keys, for as long as nothing is committed to the database: most
//! requests ask for what others have just asked for.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use super::DatabaseError;
use super::version::{Version, Versions};

/// Most rows of a table that are remembered.
const MOST: usize = 4096;

/// Rows of one table, as they are in one version of the database.
#[derive(Debug)]
pub(super) struct Known<K, V>(Mutex<Rows<K, V>>);

#[derive(Debug)]
struct Rows<K, V> {
    version: Option<Version>,
    found: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Known<K, V> {
    /// Returns a row, from `read` where it is not known. What is not there is asked for each time.
    pub(super) async fn get(
        &self,
        versions: &Versions,
        key: K,
        read: impl AsyncFnOnce(&K) -> Result<Option<V>, DatabaseError>,
    ) -> Result<Option<V>, DatabaseError> {
        // Before the row is read: one that is newer than its version is forgotten with it.
        let version = versions.now();
        if let Some(found) = version.and_then(|version| self.find(&key, version)) {
            return Ok(Some(found));
        }
        let row = read(&key).await?;
        if let (Some(version), Some(row)) = (version, &row) {
            self.keep(key, row.clone(), version);
        }
        Ok(row)
    }

    fn find(&self, key: &K, version: Version) -> Option<V> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = rows.version == Some(version);
        rows.found.get(key).filter(|_| is_current).cloned()
    }

    fn keep(&self, key: K, row: V, version: Version) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.version != Some(version) || rows.found.len() >= MOST {
            rows.found.clear();
            rows.version = Some(version);
        }
        rows.found.insert(key, row);
    }
}

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Rows {
            version: None,
            found: HashMap::new(),
        }))
    }
}
