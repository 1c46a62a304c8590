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
use crate::log::{Unpublished, is_of_log};
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
    let has_changed = their_key.is_some() && their_key != key;
    let other = || DataError::OtherRegistry {
        path: to.data.root().to_owned(),
    };
    let mirror = MirrorNote::read(from.data.root())?;
    let log = from.log.copy_to(&to.log)?;
    if let Some(their_key) = their_key.as_deref().filter(|_| has_changed) {
        // A key that was rotated is named by an earlier policy of the same log.
        let state = log.as_ref().map(Unpublished::state);
        if !state.is_some_and(|state| is_of_log(state, their_key)) {
            return Err(other().into());
        }
    }
    failpoint!("transfer::log-copied");
    if let Some(log) = &log {
        add_lost(from, to, log.state(), &mut known)?;
    }
    let copied = Copies::new(&from.blobs, &to.blobs, copying, progress).take(&known)?;
    if let Some(key) = key.as_ref().filter(|_| their_key.is_none()) {
        // Files of ours are for their owner only.
        bulla_files::write(&to.data.log_key(), key)?;
    } else if has_changed && let Some(key) = &key {
        // It signs from the checkpoint on whose policy names it, which comes last.
        bulla_files::write(&to.data.next_log_key(), key)?;
    }
    let next = bulla_files::read(&from.data.next_log_key())?;
    if let Some(next) = next.filter(|_| !has_changed) {
        bulla_files::write(&to.data.next_log_key(), &next)?;
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
