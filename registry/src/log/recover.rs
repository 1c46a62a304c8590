//! What happens when the log is opened: read what is kept, replay the rest, and finish or forget what a
//! crash left.
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
use bulla_trust::{Admitted, CheckedPolicy, Checkpoint, LogState, SignedNote, Submission, replay};

use super::error::{DamagedLog, LogError};
use super::kept::KeptState;
use super::published::Published;
use super::sequencer::admit;
use super::signer::Signer;
use super::tiles::{LogFiles, Tail};

/// How many full entry bundles are replayed between two lines that say so.
const TOLD_EVERY: u64 = 256;

/// Finishes what is published, and returns it as it is from now on.
pub(super) fn recover(
    files: &LogFiles,
    found: Published,
    mut tail: Tail,
    signer: &mut Signer,
) -> Result<(Published, Tail), LogError> {
    let Published {
        mut state,
        mut checkpoint,
    } = found;
    let size = state.size();
    let mut finished = Vec::new();
    for entry in files.entries_behind(size)? {
        let Ok(submission) = Submission::from_bytes(&entry) else {
            break;
        };
        let admitted = admit(&mut state, &submission, signer);
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
        checkpoint = signer.sign(&state)?;
        files.publish(&checkpoint)?;
        signer.settle(&state)?;
    } else if Checkpoint::parse(&checkpoint).is_ok_and(|(_, note)| !is_signed(&state, &note)) {
        tracing::warn!("the signature of the checkpoint is damaged; it is signed again");
        checkpoint = signer.sign(&state)?;
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

/// Reads what is published, which must be what the checkpoint covers: from the state that is kept on, or
/// else from the first entry.
pub(super) fn published(files: &LogFiles, kept: &KeptState) -> Result<(Published, Tail), LogError> {
    let checkpoint = files.checkpoint()?;
    let covered = checkpoint
        .as_deref()
        .map(|bytes| Checkpoint::parse(bytes).map_err(DamagedLog::Checkpoint))
        .transpose()?;
    let covered = covered.map(|(covered, _)| covered);
    let going_on = covered
        .as_ref()
        .and_then(|covered| go_on(files, kept, covered));
    let (state, tail) = match going_on {
        Some(read) => read,
        None => read(files, covered.as_ref().map_or(0, |covered| covered.size))?,
    };
    if let Some(covered) = covered
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

/// Goes on from the state that is kept; nothing where it is none of this log, or does not lead to what the
/// checkpoint covers.
fn go_on(files: &LogFiles, kept: &KeptState, covered: &Checkpoint) -> Option<(LogState, Tail)> {
    let state = kept.read()?;
    let size = state.size();
    let tail = files.tail_at(&state.position(), covered.size);
    let read = match tail {
        Ok(Some(tail)) => read_on(files, state, tail, covered.size).ok(),
        _ => None,
    };
    let read = read.filter(|(state, _)| state.root() == covered.root);
    if read.is_some() {
        kept.is_of(size);
    } else {
        tracing::warn!(
            size,
            "the kept state is none of this log, which is replayed whole"
        );
    }
    read
}

/// Reads the entries of a log with `size` entries.
pub(super) fn read(files: &LogFiles, size: u64) -> Result<(LogState, Tail), LogError> {
    read_on(files, LogState::default(), Tail::default(), size)
}

/// Reads the entries of a log with `size` entries that come after a state.
fn read_on(
    files: &LogFiles,
    mut state: LogState,
    mut tail: Tail,
    size: u64,
) -> Result<(LogState, Tail), LogError> {
    let (known, full) = (state.size(), u64::from(FULL));
    for index in known / full..size.div_ceil(full) {
        let from = index * full;
        let entries = files.entries(index, size)?;
        let mut entries = entries.ok_or(DamagedLog::Missing { size, from })?;
        let before = usize::try_from(known.saturating_sub(from)).unwrap_or(usize::MAX);
        entries.drain(..before.min(entries.len()));
        state = advance(state, entries.iter().map(Vec::as_slice))?;
        for entry in entries {
            tail.push(entry);
        }
        // Minutes of a long log are not to look like a program that hangs.
        if (index + 1) % TOLD_EVERY == 0 {
            tracing::info!(entries = state.size(), of = size, "replaying the log");
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
