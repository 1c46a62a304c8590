//! `DoctoredLog`: a log that somebody with the registry's own key has changed.

use std::path::Path;

use bulla_schemas::Digest;
use bulla_trust::checkpoint::Checkpoint;
use bulla_trust::key::SigningKey;
use bulla_trust::merkle::{leaf_hash, tree_hash};
use bulla_trust::tile::{decode_entries, encode_entries, encode_hashes};

/// Entries, and a checkpoint over them.
#[derive(Clone)]
pub(crate) struct DoctoredLog {
    /// The envelopes, in order; fewer than a tile holds.
    pub(crate) entries: Vec<Vec<u8>>,
    checkpoint: Vec<u8>,
}

impl DoctoredLog {
    /// Reads the log in the data directory of a real registry.
    pub(crate) fn read(data: &Path) -> Self {
        let log = data.join("log");
        let checkpoint = std::fs::read(log.join("checkpoint")).unwrap();
        let size = Checkpoint::parse(&checkpoint).unwrap().0.size;
        let width = u16::try_from(size).unwrap();
        let bundle = log.join(format!("tile/entries/000.p/{width}"));
        Self {
            entries: decode_entries(&std::fs::read(bundle).unwrap(), width).unwrap(),
            checkpoint,
        }
    }

    /// Signs a checkpoint over the entries as they are now.
    pub(crate) fn sign(mut self, origin: &str, key: &SigningKey) -> Self {
        let leaves: Vec<Digest> = self.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: leaves.len() as u64,
            root: tree_hash(&leaves),
        };
        self.checkpoint = checkpoint.sign(key).unwrap().to_bytes();
        self
    }

    /// Serves another checkpoint over the same entries.
    pub(crate) fn with_checkpoint(mut self, change: impl FnOnce(String) -> String) -> Self {
        let text = String::from_utf8(self.checkpoint).unwrap();
        self.checkpoint = change(text).into_bytes();
        self
    }

    /// Returns one of the log's files.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        if path == "checkpoint" {
            return Some(self.checkpoint.clone());
        }
        let (kind, width) = path.strip_prefix("tile/")?.split_once("/000.p/")?;
        let entries = self.entries.get(..width.parse().ok()?)?;
        match kind {
            "entries" => encode_entries(entries).ok(),
            "0" => {
                let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
                Some(encode_hashes(&leaves))
            }
            _ => None,
        }
    }
}

/// Reads the key of a real registry's log, which whoever runs the registry has.
pub(crate) fn log_key(data: &Path) -> SigningKey {
    SigningKey::from_pem(&std::fs::read_to_string(data.join("log-key.pem")).unwrap()).unwrap()
}
