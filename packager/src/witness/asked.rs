//! A witness that is asked to cosign (C2SP tlog-witness): which checkpoints it cosigns, and with which
//! status it refuses others. It takes the log's proof that the tree goes on from the one before, and
//! signatures by the log's keys as it knows them from the replay of the log.

use bulla_schemas::Timestamp;
use bulla_trust::merkle::verify_consistency;
use bulla_trust::witness::AddCheckpoint;
use bulla_trust::{Checkpoint, SignedNote};

use super::error::WitnessError;
use super::replaying::Witness;

/// Why a checkpoint that was handed in is not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotCosigned {
    /// Another form than the protocol's.
    #[error("expected `old SIZE`, a proof, an empty line and a checkpoint")]
    Malformed,
    /// More entries before than after.
    #[error("the checkpoint has fewer entries than the size before it")]
    Backwards,
    /// A log that this witness does not know.
    #[error("this witness does not know the log `{origin}`")]
    OtherLog {
        /// Its name.
        origin: String,
    },
    /// Not signed by the log.
    #[error("the checkpoint is not signed with a key of the log")]
    Unsigned,
    /// Another size than the one that was cosigned last.
    #[error("this witness cosigned {size} entries last")]
    OtherSize {
        /// That size.
        size: u64,
    },
    /// Two trees of one size, both signed.
    #[error("this witness cosigned another tree of {size} entries")]
    OtherTree {
        /// The size.
        size: u64,
    },
    /// The tree does not go on from the one before.
    #[error("the proof does not lead from the tree that was cosigned to this one")]
    Inconsistent,
    /// It cannot be written down, or signed.
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl NotCosigned {
    /// Tells whether the log signed what was refused.
    pub(super) const fn is_of_the_log(&self) -> bool {
        !matches!(
            self,
            Self::Malformed | Self::OtherLog { .. } | Self::Unsigned
        )
    }
}

impl Witness {
    /// Writes a checkpoint down and cosigns it, and returns the line that stands under it then.
    pub fn answer(&mut self, request: &[u8], now: Timestamp) -> Result<String, NotCosigned> {
        let request = AddCheckpoint::from_bytes(request).ok_or(NotCosigned::Malformed)?;
        let read = Checkpoint::parse(&request.checkpoint);
        let (checkpoint, note) = read.map_err(|_| NotCosigned::Malformed)?;
        let known = self.memory.known().map(|known| known.position);
        if self.state.origin() != Some(&*checkpoint.origin) {
            return Err(NotCosigned::OtherLog {
                origin: checkpoint.origin,
            });
        }
        let log_keys = self.log_keys();
        let mut signed = note.signed_only_by(&log_keys);
        if !log_keys.iter().any(|key| signed.is_signed_by(key)) {
            return Err(NotCosigned::Unsigned);
        }
        if request.old_size > checkpoint.size {
            return Err(NotCosigned::Backwards);
        }
        // It begins by the replay of the log, so something is known.
        let known = known.filter(|known| known.size == request.old_size);
        let size = self.memory.known().map_or(0, |known| known.position.size);
        let known = known.ok_or(NotCosigned::OtherSize { size })?;
        if known.size == checkpoint.size && known.root != checkpoint.root {
            self.memory.keep_both(&request.checkpoint);
            return Err(NotCosigned::OtherTree { size });
        }
        let (old, new) = (&known, &checkpoint);
        if !verify_consistency(old.size, &old.root, new.size, &new.root, &request.proof) {
            return Err(NotCosigned::Inconsistent);
        }
        if checkpoint.size > known.size {
            self.memory.remember(&checkpoint, &signed)?;
        }
        self.sign(&mut signed, now)
    }

    fn sign(&self, note: &mut SignedNote, now: Timestamp) -> Result<String, NotCosigned> {
        let verifier = self.verifier()?;
        let time = u64::try_from(now.as_seconds()).unwrap_or_default();
        let cosigned = note.cosign(verifier.name(), &self.key, time);
        cosigned.map_err(WitnessError::from)?;
        Ok(note.last_line())
    }

    /// The keys of the newest policy, which the log's next checkpoint is signed with.
    fn log_keys(&self) -> Vec<bulla_trust::VerifierKey> {
        let policy = self.state.checked_policy();
        policy.map_or_else(Vec::new, |policy| policy.log_keys().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bulla_trust::merkle::{consistency_proof, leaf_hash};
    use bulla_trust::testing::{ORIGIN, Organisation, key, log_key, project, time, witness_line};
    use bulla_trust::{SigningKey, VerifierKey};

    use super::super::memory::Memory;
    use super::*;

    struct Scene {
        acme: Organisation,
        witness: Witness,
        folder: tempfile::TempDir,
    }

    impl Scene {
        /// A witness that has cosigned the first two entries of three.
        fn new() -> Self {
            let mut acme = Organisation::with_policy(|policy| {
                policy.witnesses.keys = vec![witness_line("office")];
                policy.witnesses.quorum = 1;
            });
            acme.publish(&project(), "one");
            acme.publish(&project(), "two");
            let folder = tempfile::tempdir().unwrap();
            let mut memory = Memory::open(&folder.path().join("state")).unwrap();
            let note = acme.checkpoint_at(2, &log_key());
            let (checkpoint, note) = Checkpoint::parse(&note).unwrap();
            memory.remember(&checkpoint, &note).unwrap();
            let mut witness = Witness::new(key("office"), memory);
            witness.state = Arc::new(acme.state.clone());
            Self {
                acme,
                witness,
                folder,
            }
        }

        fn request(&self, old: usize, size: usize, signer: &SigningKey) -> AddCheckpoint {
            let leaves: Vec<_> = self.acme.entries.iter().map(|one| leaf_hash(one)).collect();
            AddCheckpoint {
                old_size: old as u64,
                proof: consistency_proof(&leaves[..size], old).unwrap_or_default(),
                checkpoint: self.acme.checkpoint_at(size, signer),
            }
        }

        fn answer(&mut self, request: &AddCheckpoint) -> Result<String, NotCosigned> {
            self.witness.answer(&request.to_bytes(), time(7))
        }

        fn written(&self) -> u64 {
            let note = std::fs::read(self.folder.path().join("state")).unwrap();
            Checkpoint::parse(&note).unwrap().0.size
        }
    }

    #[test]
    fn what_goes_on_from_what_was_cosigned_is_written_down_and_cosigned() {
        let mut scene = Scene::new();
        let request = scene.request(2, 3, &log_key());
        let line = scene.answer(&request).unwrap();
        assert_eq!(scene.written(), 3);
        let note = [&request.checkpoint[..], line.as_bytes()].concat();
        let (_, note) = Checkpoint::parse(&note).unwrap();
        let verifier: VerifierKey = witness_line("office").parse().unwrap();
        let seconds = note.cosigned_at(&verifier).unwrap();
        assert_eq!(seconds, time(7).as_seconds().cast_unsigned());
        // Asked again, with nothing new, it says the time again; and what it was asked before is late.
        let again = scene.request(3, 3, &log_key());
        assert_eq!(scene.answer(&again).unwrap(), line);
        assert!(matches!(
            scene.answer(&request),
            Err(NotCosigned::OtherSize { size: 3 })
        ));
        let unasked = scene.request(0, 3, &log_key());
        assert!(matches!(
            scene.answer(&unasked),
            Err(NotCosigned::OtherSize { size: 3 })
        ));
    }

    #[test]
    fn no_two_trees_and_nothing_without_proof_or_signature_is_cosigned() {
        let mut scene = Scene::new();
        let stranger = scene.request(2, 3, &key("mallory"));
        assert!(matches!(
            scene.answer(&stranger),
            Err(NotCosigned::Unsigned)
        ));
        let mut unproved = scene.request(2, 3, &log_key());
        unproved.proof.pop();
        assert!(matches!(
            scene.answer(&unproved),
            Err(NotCosigned::Inconsistent)
        ));
        let backwards = scene.request(2, 1, &log_key());
        assert!(matches!(
            scene.answer(&backwards),
            Err(NotCosigned::Backwards)
        ));
        let sign = |origin: &str, size| {
            let checkpoint = Checkpoint {
                origin: origin.to_owned(),
                size,
                root: bulla_schemas::Digest::of(b"other"),
            };
            AddCheckpoint {
                old_size: 2,
                proof: Vec::new(),
                checkpoint: checkpoint.sign(&log_key()).unwrap().to_bytes(),
            }
        };
        let elsewhere = scene.answer(&sign("log.example/other", 3));
        assert!(matches!(elsewhere, Err(NotCosigned::OtherLog { .. })));
        let other = scene.answer(&sign(ORIGIN, 2));
        assert!(matches!(other, Err(NotCosigned::OtherTree { size: 2 })));
        let kept = std::fs::read_dir(scene.folder.path()).unwrap();
        let mut kept = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(kept.any(|name| name.starts_with("state.fork-2-")));
        let garbage = scene.witness.answer(b"old 2\n\nno checkpoint", time(7));
        assert!(matches!(garbage, Err(NotCosigned::Malformed)));
        assert_eq!(scene.written(), 2);
    }
}
