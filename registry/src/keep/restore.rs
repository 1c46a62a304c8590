//! The files of a registry, made of a backup or of a snapshot of a data directory. Its index is made
//! from them afterwards.

use std::path::Path;
use std::sync::Arc;

use bulla_bundle::Progress;
use bulla_schemas::Timestamp;

use super::place::Place;
use super::transfer::{Transferred, transfer};
use crate::blocking::blocking;
use crate::clock::Clock;
use crate::data::backup::BackupNote;
use crate::data::mirror::MirrorNote;
use crate::data::{DataDirectory, DataError, RESTORE};
use crate::error::RegistryError;
use crate::failpoint::failpoint;
use crate::log::LogFiles;
use crate::objects::Copying;
use crate::store::RecordKeys;

/// A data directory that has all files of another.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) data: DataDirectory,
    /// When the backup began; nothing of a snapshot.
    pub(crate) at: Option<Timestamp>,
    /// How many entries the log has.
    pub(crate) entries: u64,
    /// How many bytes of content were copied.
    pub(crate) copied: u64,
}

/// Copies all files of `from` into the folder at `root`, and its database.
pub(crate) async fn restore(
    root: &Path,
    from: &Path,
    clock: &Clock,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<Restored, RegistryError> {
    let note = BackupNote::read(from)?;
    let at = note.as_ref().and_then(|note| note.at);
    if note.is_some() && at.is_none() {
        let path = from.to_owned();
        return Err(DataError::NoBackup { path }.into());
    }
    DataDirectory::require(from)?;
    let source = DataDirectory::open(from)?;
    if MirrorNote::read(from)?.is_none() {
        let (log, key) = (LogFiles::new(source.log()), source.log_key());
        blocking(move || log.require_key(&key)).await?;
    }
    // Of one that runs, the database cannot be copied file by file.
    let _nobody_else = source.lock(RESTORE, clock.now())?;
    let data = DataDirectory::begin_restore(root, source.root())?;
    let _one_at_a_time = data.lock(RESTORE, clock.now())?;
    let (from, to) = (Place::new(&source), Place::new(&data));
    let transferred = blocking(move || {
        let nothing = RecordKeys::default();
        let transferred = transfer(&from, &to, Copying::Apart, nothing, &*progress)?;
        failpoint!("restore::files-copied");
        from.data.copy_database(&to.data)?;
        Ok::<_, RegistryError>(transferred)
    });
    let Transferred { entries, copied } = transferred.await?;
    failpoint!("restore::database-copied");
    Ok(Restored {
        data,
        at,
        entries,
        copied: copied.copied,
    })
}
