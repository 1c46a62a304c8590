//! Objects in memory: the tests of what stands on objects run over them too, so that nothing up there
//! comes to need a file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_files::{Attempt as _, FileError};
use bytes::Bytes;

/// A map of objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    objects: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the methods that files have too, and those can fail"
)]
impl Memory {
    pub(super) fn get(&self, key: &str) -> Option<Bytes> {
        self.objects().get(key).cloned()
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, FileError> {
        Ok(self.get(key).map(|bytes| bytes.len() as u64))
    }

    pub(super) fn adopt(&self, key: &str, file: &Path) -> Result<(), FileError> {
        let content = std::fs::read(file).attempt("read", file)?;
        self.replace(key, &content)?;
        bulla_files::remove(file).map(drop)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let mut objects = self.objects();
        let content = objects.remove(from).ok_or(io::ErrorKind::NotFound.into());
        objects.insert(to.to_owned(), content.attempt("rename", from)?);
        Ok(())
    }

    pub(super) fn remove(&self, key: &str) -> Result<bool, FileError> {
        Ok(self.objects().remove(key).is_some())
    }

    pub(super) fn replace(&self, key: &str, content: &[u8]) -> Result<(), FileError> {
        let content = Bytes::copy_from_slice(content);
        self.objects().insert(key.to_owned(), content);
        Ok(())
    }

    pub(super) fn has_any(&self, folder: &str) -> Result<bool, FileError> {
        Ok(self.objects().keys().any(|key| key.starts_with(folder)))
    }

    pub(super) fn list<E>(
        &self,
        folder: &str,
        visit: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let keys: Vec<String> = self.objects().keys().cloned().collect();
        let mut found = keys.iter().filter(|key| key.starts_with(folder));
        found.try_for_each(|key| visit(key))
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
