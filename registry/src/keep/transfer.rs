//! Everything of a registry but its database, taken from one data directory to another.
//!
//! The log names what was pushed before, so its checkpoint is read first and published last:
//!
//! ```text
//! entries of the log ─▶ content ─▶ records ─▶ checkpoint of the log
//! ```

use bulla_bundle::Progress;

use super::lost::add_lost;
use super::place::Place;
use crate::data::DataError;
use crate::data::mirror::MirrorNote;
use crate::error::RegistryError;
use crate::failpoint::failpoint;
use crate::objects::Copying;
use crate::store::{Copies, RecordKeys, Tally};

/// What was taken.
#[derive(Debug)]
pub(super) struct Transferred {
    /// How many entries the log has.
    pub(super) entries: u64,
    pub(super) copied: Tally,
}

/// Takes everything to where the same registry lies as it was earlier, or none. Records that are there
/// and `known`, or of releases that the log names, stay, though they are not here.
pub(super) fn transfer(
    from: &Place,
    to: &Place,
    copying: Copying,
    mut known: RecordKeys,
    progress: &dyn Progress,
) -> Result<Transferred, RegistryError> {
    let key = bulla_files::read(&from.data.log_key())?;
    let their_key = bulla_files::read(&to.data.log_key())?;
    if their_key.is_some() && their_key != key {
        let path = to.data.root().to_owned();
        return Err(DataError::OtherRegistry { path }.into());
    }
    let mirror = MirrorNote::read(from.data.root())?;
    let log = from.log.copy_to(&to.log)?;
    failpoint!("transfer::log-copied");
    if let Some(log) = &log {
        add_lost(from, to, log.state(), &mut known)?;
    }
    let copied = Copies::new(&from.blobs, &to.blobs, copying, progress).take(&known)?;
    if let Some(key) = key.filter(|_| their_key.is_none()) {
        // Files of ours are for their owner only.
        bulla_files::write(&to.data.log_key(), &key)?;
    }
    if let Some(mirror) = mirror {
        mirror.write(to.data.root())?;
    }
    let mut entries = 0;
    if let Some(log) = log {
        entries = log.size();
        log.publish()?;
    }
    Ok(Transferred { entries, copied })
}
