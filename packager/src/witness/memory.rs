//! What a witness must not forget: the largest checkpoint that it cosigned, as the log signed it. A
//! plain file, so that CI may keep it in a repository; written before anything is cosigned.

use std::path::{Path, PathBuf};

use bulla_files::{Lock, TryLock};
use bulla_registry_client::{FollowError, fork_name};
use bulla_schemas::log::Anchor;
use bulla_trust::{Checkpoint, LogError, SignedNote};

use super::error::WitnessError;

/// The file, held by one process.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    /// The checkpoint, and the note as it is in the file.
    known: Option<(Checkpoint, Vec<u8>)>,
    _lock: Lock,
}

impl Memory {
    /// Reads the file, and keeps other processes from cosigning by it. A file that is there and cannot
    /// be read is not taken for one that is not.
    pub fn open(path: &Path) -> Result<Self, WitnessError> {
        let path = &resolved(path);
        let lock = match Lock::try_take(&beside(path, "lock"), "bulla witness", None)? {
            TryLock::Taken(lock) => lock,
            TryLock::Held { holder } => {
                return Err(WitnessError::Locked {
                    path: path.to_owned(),
                    holder,
                });
            }
        };
        let known = match bulla_files::read(path)? {
            None => None,
            Some(note) => {
                let read = Checkpoint::parse(&note);
                let (checkpoint, _) = read.map_err(|source| WitnessError::Damaged {
                    path: path.to_owned(),
                    source,
                })?;
                Some((checkpoint, note))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            known,
            _lock: lock,
        })
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the log must contain.
    pub fn known(&self) -> Option<Anchor> {
        let (checkpoint, _) = self.known.as_ref()?;
        Some(Anchor {
            origin: checkpoint.origin.clone(),
            position: checkpoint.position(),
        })
    }

    /// Writes a checkpoint down, durably.
    pub(super) fn remember(
        &mut self,
        checkpoint: &Checkpoint,
        note: &SignedNote,
    ) -> Result<(), WitnessError> {
        let note = note.to_bytes();
        bulla_files::write(&self.path, &note)?;
        self.known = Some((checkpoint.clone(), note));
        Ok(())
    }

    /// Keeps what a registry offers that does not go on from what was cosigned.
    pub(super) fn keep_evidence(&self, refusal: FollowError, offered: &[u8]) -> WitnessError {
        let FollowError::Refused { url, source, .. } = refusal else {
            return refusal.into();
        };
        let is_other_history = matches!(
            *source,
            LogError::Fork { .. }
                | LogError::RootMismatch { .. }
                | LogError::AnchorMismatch { .. }
                | LogError::NotAnchored { .. }
        );
        let known = self.known.as_ref().filter(|_| is_other_history);
        let kept = known.and_then(|(_, known)| self.write_evidence(known, offered));
        FollowError::Refused { url, source, kept }.into()
    }

    /// Keeps a checkpoint of the size that was cosigned last and of another tree.
    pub(super) fn keep_both(&self, offered: &[u8]) -> Option<PathBuf> {
        let (_, known) = self.known.as_ref()?;
        self.write_evidence(known, offered)
    }

    /// Writes two checkpoints into one file. A disk that is full loses evidence and nothing else.
    pub(super) fn write_evidence(&self, known: &[u8], offered: &[u8]) -> Option<PathBuf> {
        let (checkpoint, _) = Checkpoint::parse(offered).ok()?;
        let path = beside(&self.path, &fork_name(&checkpoint));
        bulla_files::write(&path, &[known, offered].concat()).ok()?;
        Some(path)
    }
}

/// Returns where a link leads: whoever comes by it meets the same lock, and writes what others read.
fn resolved(path: &Path) -> PathBuf {
    if path.is_symlink() {
        // One that leads nowhere is refused when it is read.
        return path.canonicalize().unwrap_or_else(|_| path.to_owned());
    }
    path.to_owned()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::Organisation;

    use super::*;

    #[test]
    fn a_link_to_the_file_is_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acme.checkpoint");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let acme = Organisation::new();
        let note = acme.checkpoint();
        let (checkpoint, note) = Checkpoint::parse(&note).unwrap();
        Memory::open(&path)
            .unwrap()
            .remember(&checkpoint, &note)
            .unwrap();
        let mut held = Memory::open(&link).unwrap();
        assert!(matches!(
            Memory::open(&path),
            Err(WitnessError::Locked { .. })
        ));
        held.remember(&checkpoint, &note).unwrap();
        assert!(link.is_symlink() && !path.is_symlink());
    }

    #[test]
    fn what_is_remembered_is_read_again_and_damage_is_no_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acme.checkpoint");
        let mut memory = Memory::open(&path).unwrap();
        assert_eq!(memory.known(), None);
        assert!(matches!(
            Memory::open(&path),
            Err(WitnessError::Locked { .. })
        ));
        let acme = Organisation::new();
        let (checkpoint, note) = Checkpoint::parse(&acme.checkpoint()).unwrap();
        memory.remember(&checkpoint, &note).unwrap();
        drop(memory);
        assert_eq!(std::fs::read(&path).unwrap(), acme.checkpoint());
        assert_eq!(Memory::open(&path).unwrap().known(), Some(acme.anchor()));
        std::fs::write(&path, "torn").unwrap();
        assert!(matches!(
            Memory::open(&path),
            Err(WitnessError::Damaged { .. })
        ));
    }
}
