//! What happens when the log is opened: read, replay, and finish or forget what a crash left.
//!
//! | the crash came | what lies there | what happens |
//! |---|---|---|
//! | while an entry bundle was written | a temporary file | it is never looked at |
//! | after the entry bundle | entries without a checkpoint | tiles are written, a checkpoint signed |
//! | after the tiles | the same | the same |
//! | after the checkpoint | all of it | nothing: only the answer was lost |
//!
//! Entries without a checkpoint were judged before they were written; they are judged again, and
//! from the first that would have no effect on they are left out.

use bulla_trust::tile::FULL;
use bulla_trust::{
    Admitted, CheckedPolicy, Checkpoint, LogState, SignedNote, SigningKey, Submission, replay,
};

use super::error::{DamagedLog, LogError};
use super::published::Published;
use super::sequencer::{admit, sign};
use super::tiles::{LogFiles, Tail};

/// Finishes what is published, and returns it as it is from now on.
pub(super) fn recover(
    files: &LogFiles,
    found: Published,
    mut tail: Tail,
    key: &SigningKey,
) -> Result<(Published, Tail), LogError> {
    let Published {
        mut state,
        mut checkpoint,
    } = found;
    let size = state.size();
    let mut finished = Vec::new();
    for entry in files.entries_behind(size)? {
        let Ok(submission) = Submission::from_bytes(entry) else {
            break;
        };
        let admitted = admit(&mut state, &submission, &key.public_key());
        if !matches!(admitted, Ok(Admitted::New { .. })) {
            break;
        }
        finished.push(submission.bytes().to_vec());
    }
    if !finished.is_empty() {
        tracing::warn!(
            from = size,
            entries = finished.len(),
            "finishing what a crash left undone in the log"
        );
        files.grow(size, &finished, &mut tail)?;
        checkpoint = sign(&state, key)?;
        files.publish(&checkpoint)?;
    } else if Checkpoint::parse(&checkpoint).is_ok_and(|(_, note)| !is_signed(&state, &note)) {
        tracing::warn!("the signature of the checkpoint is damaged; it is signed again");
        checkpoint = sign(&state, key)?;
        files.publish(&checkpoint)?;
    }
    Ok((Published { state, checkpoint }, tail))
}

/// Tells whether a checkpoint is signed with a key that the policy names.
pub(super) fn is_signed(state: &LogState, note: &SignedNote) -> bool {
    let is_by = |policy: &CheckedPolicy| {
        let mut keys = policy.log_keys().iter();
        keys.any(|key| note.is_signed_by(key))
    };
    state.checked_policy().is_none_or(is_by)
}

/// Reads what is published, which must be what the checkpoint covers.
pub(super) fn published(files: &LogFiles) -> Result<(Published, Tail), LogError> {
    let checkpoint = files.checkpoint()?;
    let covered = checkpoint
        .as_deref()
        .map(|bytes| Checkpoint::parse(bytes).map_err(DamagedLog::Checkpoint))
        .transpose()?;
    let size = covered
        .as_ref()
        .map_or(0, |(checkpoint, _)| checkpoint.size);
    let (state, tail) = read(files, size)?;
    if let Some((covered, _)) = covered
        && covered.root != state.root()
    {
        return Err(DamagedLog::Root {
            expected: covered.root,
            found: state.root(),
        }
        .into());
    }
    let checkpoint = checkpoint.unwrap_or_default();
    Ok((Published { state, checkpoint }, tail))
}

/// Reads the entries of a log with `size` entries.
pub(super) fn read(files: &LogFiles, size: u64) -> Result<(LogState, Tail), LogError> {
    let (mut state, mut tail) = (LogState::default(), Tail::default());
    for index in 0..size.div_ceil(FULL.into()) {
        let entries = files.entries(index, size)?.ok_or(DamagedLog::Missing {
            size,
            from: index * u64::from(FULL),
        })?;
        state = advance(state, entries.iter().map(Vec::as_slice))?;
        for entry in entries {
            tail.push(entry);
        }
    }
    Ok((state, tail))
}

fn advance<'a>(
    state: LogState,
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<LogState, DamagedLog> {
    Ok(replay(state, entries).map(|(state, _)| state)?)
}
