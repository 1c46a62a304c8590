//! `KeptState`: what the entries of the log lead to, kept beside them, so that a start replays only those
//! that came since.
//!
//! It is no evidence. What is kept counts where the tiles have its root at its size and the log goes on
//! from there to the root of its checkpoint. Else it is passed over, everything is replayed, and it is
//! written anew. `fsck`, `backup` and `restore` never look at it.

use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Builder;

use bulla_files::{Attempt as _, Draft, FileError, Readers};
use bulla_trust::LogState;

use super::published::Published;

/// Most bytes that are read of it.
const MOST: u64 = 4 << 30;
/// By how many entries the log grows at least before its state is written again.
const LEAST: u64 = 1000;
/// And by which part of it, so that what is written stays in proportion to what comes.
const PART: u64 = 128;

/// The file `log/state`.
#[derive(Debug, Clone)]
pub(super) struct KeptState {
    path: PathBuf,
    /// How many entries lead to what is kept.
    size: Arc<AtomicU64>,
    is_writing: Arc<AtomicBool>,
}

impl KeptState {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            size: Arc::default(),
            is_writing: Arc::default(),
        }
    }

    /// Reads the state; nothing where none is kept, or none that can be read.
    pub(super) fn read(&self) -> Option<LogState> {
        let bytes = match bulla_files::read_up_to(&self.path, MOST) {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::warn!(%error, "the kept state of the log cannot be read");
                return None;
            }
        };
        match LogState::from_bytes(&bytes) {
            Ok(state) => Some(state),
            Err(error) => {
                tracing::warn!(%error, "the kept state of the log is of no use");
                None
            }
        }
    }

    /// Notes that what is kept was found to be right.
    pub(super) fn is_of(&self, size: u64) {
        self.size.store(size, Ordering::Relaxed);
    }

    /// Writes the state where the log has grown by much since, on a thread of its own.
    pub(super) fn follow(&self, published: &Arc<Published>) {
        if !self.is_due(published) || self.is_writing.swap(true, Ordering::Acquire) {
            return;
        }
        let (kept, published) = (self.clone(), Arc::clone(published));
        let run = move || {
            kept.write_or_say(&published.state);
            kept.is_writing.store(false, Ordering::Release);
        };
        if let Err(error) = Builder::new().name("log-state".to_owned()).spawn(run) {
            self.is_writing.store(false, Ordering::Release);
            tracing::warn!(%error, "the state of the log is not kept");
        }
    }

    /// Writes the state where the log has grown by much since, when nothing more comes.
    pub(super) fn end(&self, published: &Published) {
        if self.is_due(published) && !self.is_writing.load(Ordering::Acquire) {
            self.write_or_say(&published.state);
        }
    }

    fn is_due(&self, published: &Published) -> bool {
        let size = published.state.size();
        let grown = size.saturating_sub(self.size.load(Ordering::Relaxed));
        grown >= LEAST.max(size / PART)
    }

    fn write_or_say(&self, state: &LogState) {
        match self.write(state) {
            Ok(()) => self.is_of(state.size()),
            // The next start replays more.
            Err(error) => tracing::warn!(%error, "the state of the log is not kept"),
        }
    }

    fn write(&self, state: &LogState) -> Result<(), FileError> {
        let mut draft = Draft::begin(&self.path, Readers::Owner)?;
        let written = state.write_to(BufWriter::with_capacity(1 << 18, draft.file()));
        written.attempt("write", &self.path)?;
        draft.put()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bulla_trust::replay;
    use bulla_trust::testing::{Organisation, log_key, project};

    use super::*;
    use crate::log::recover;
    use crate::log::signer::Signer;
    use crate::log::tiles::{LogFiles, Tail};

    /// A log, and what its first entries led to.
    struct World {
        _folder: tempfile::TempDir,
        files: LogFiles,
        entries: Vec<Vec<u8>>,
        kept: KeptState,
    }

    fn publish(files: &LogFiles, state: &LogState) {
        let signer = Signer::new(std::path::Path::new("absent"), Some(log_key()));
        files.publish(&signer.sign(state).unwrap()).unwrap();
    }

    fn world(size: usize, kept_at: usize) -> World {
        let folder = tempfile::tempdir().unwrap();
        let files = LogFiles::new(folder.path().to_owned());
        let mut organisation = Organisation::new();
        for number in 1..size {
            organisation.publish(&project(), &number.to_string());
        }
        let (mut tail, mut from) = (Tail::default(), 0);
        // As they come, with partial tiles.
        for step in organisation.entries.chunks(100) {
            files.grow(from, step, &mut tail).unwrap();
            from += step.len() as u64;
        }
        publish(&files, &organisation.state);
        let kept = KeptState::new(folder.path().join("state"));
        let first = organisation.entries[..kept_at].iter().map(Vec::as_slice);
        let (state, _) = replay(LogState::default(), first).unwrap();
        kept.write(&state).unwrap();
        World {
            _folder: folder,
            files,
            entries: organisation.entries,
            kept,
        }
    }

    impl World {
        /// The state and the tail are those of a replay from the first entry, and how many entries were
        /// taken from what is kept.
        #[track_caller]
        fn assert_recovered(&self, from: u64) {
            let kept = KeptState::new(self.kept.path.clone());
            let (found, tail) = recover::published(&self.files, &kept).unwrap();
            let (state, expected) = recover::read(&self.files, self.entries.len() as u64).unwrap();
            assert_eq!(found.state, state);
            assert_eq!(tail, expected);
            assert_eq!(kept.size.load(Ordering::Relaxed), from);
        }
    }

    #[test]
    fn a_start_goes_on_from_what_is_kept() {
        for (size, kept_at) in [
            (5, 3),
            (5, 5),
            (600, 256),
            (600, 512),
            (600, 599),
            (600, 600),
        ] {
            world(size, kept_at).assert_recovered(kept_at as u64);
        }
    }

    #[test]
    fn what_is_kept_and_damaged_older_or_of_another_log_is_passed_over() {
        let world = world(300, 260);
        let path = &world.kept.path;
        let right = fs::read(path).unwrap();
        let mut flipped = right.clone();
        flipped[40] ^= 1;
        let older = [b"bulla-log-state 3\n", &right[18..]].concat();
        let mut other = Organisation::new();
        other.publish(&project(), "of another log");
        let foreign = other.state.to_bytes();
        let cut = right[..right.len() / 2].to_vec();
        for useless in [
            flipped,
            older,
            foreign,
            cut,
            Vec::new(),
            b"no state".to_vec(),
        ] {
            fs::write(path, useless).unwrap();
            world.assert_recovered(0);
        }
        fs::remove_file(path).unwrap();
        world.assert_recovered(0);
        fs::create_dir(path).unwrap();
        world.assert_recovered(0);
    }

    #[test]
    fn what_is_kept_of_more_entries_than_the_log_has_is_passed_over() {
        let (longer, shorter) = (world(300, 300), world(280, 280));
        assert_eq!(longer.entries[..280], shorter.entries);
        fs::copy(longer.kept.path, &shorter.kept.path).unwrap();
        shorter.assert_recovered(0);
    }

    #[test]
    fn damage_of_the_last_bundle_or_of_tiles_is_found_with_a_kept_state_too() {
        for tile in ["tile/entries/001.p/44", "tile/entries/000"] {
            let world = world(300, 300);
            let path = world.kept.path.with_file_name(tile);
            let mut bytes = fs::read(&path).unwrap();
            bytes[100] ^= 1;
            fs::write(&path, bytes).unwrap();
            let found = recover::published(&world.files, &world.kept);
            // What lies behind the kept state in full bundles, `fsck` finds.
            assert_eq!(found.is_err(), tile.ends_with("44"), "{tile}");
        }
    }

    #[test]
    fn is_written_when_the_log_has_grown_by_much() {
        let kept = KeptState::new(PathBuf::from("state"));
        let mut published = Published::default();
        assert!(!kept.is_due(&published));
        published.state = world(300, 300).kept.read().unwrap();
        assert!(!kept.is_due(&published), "few entries are replayed soon");
    }
}
