//! What a lying log may cost: entries that are read on the word of a stranger, and entries without
//! effect.

use super::error::LogError;

/// Most entries without effect, and most bytes of them, beyond as many as have one. Only the root
/// of such an entry is kept.
const MOST_INERT: Amount = Amount {
    entries: 1 << 16,
    bytes: 64 << 20,
};
/// Most entries, and most bytes of entries, that are read on the word of a checkpoint that no log
/// key known so far has signed: one of them must be the policy that brings the key.
const MOST_UNVOUCHED: Amount = Amount {
    entries: 1 << 13,
    bytes: 16 << 20,
};

/// What the entries that were taken so far have cost.
#[derive(Debug, Default)]
pub(super) struct Budget {
    effective: Amount,
    inert: Amount,
    unvouched: Amount,
}

impl Budget {
    /// Counts an entry that has an effect.
    pub(super) const fn effective(&mut self, entry: &[u8]) {
        self.effective.add(entry);
    }

    /// Counts an entry that has none, of which a log has few by chance.
    pub(super) fn inert(&mut self, entry: &[u8]) -> Result<(), LogError> {
        self.inert.add(entry);
        if self.inert.is_beyond(MOST_INERT.and(self.effective)) {
            return Err(LogError::Inert {
                entries: self.inert.entries,
                bytes: self.inert.bytes,
            });
        }
        Ok(())
    }

    /// Counts an entry under a checkpoint that no log key has signed, by the policy so far.
    pub(super) fn unvouched(&mut self, entry: &[u8], policy_version: u64) -> Result<(), LogError> {
        self.unvouched.add(entry);
        if self.unvouched.is_beyond(MOST_UNVOUCHED) {
            return Err(LogError::BadSignature { policy_version });
        }
        Ok(())
    }
}

/// How many entries, and how many bytes they have.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    entries: u64,
    bytes: u64,
}

impl Amount {
    const fn add(&mut self, entry: &[u8]) {
        self.entries += 1;
        self.bytes += entry.len() as u64;
    }

    const fn is_beyond(self, most: Self) -> bool {
        self.entries > most.entries || self.bytes > most.bytes
    }

    const fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }
}
