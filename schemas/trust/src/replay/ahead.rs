//! Reading ahead. Most of a replay's time goes into what no state decides: an entry's envelope, its
//! statement, and whether a signature is right under a key. That is done for many entries at once, on
//! all cores. By which keys is a guess, that the policy in effect now will still be there when their
//! turn comes; a signature under any other key is verified then.

use bulla_schemas::Digest;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::verified::{Verified, verify};
use crate::envelope::{EnvelopeError, SignedEnvelope};
use crate::merkle::leaf_hash;
use crate::policy::CheckedPolicy;
use crate::statement::{Statement, StatementError};

/// How many entries are read at once: a full entry bundle.
pub(crate) const AT_ONCE: usize = 256;
/// With fewer it is not worth it to wake other threads.
const WORTH_SHARING: usize = 32;

/// An entry that was read, and not judged.
#[derive(Debug)]
pub(crate) struct ReadEntry {
    /// Its hash as a leaf of the tree.
    pub(crate) leaf: Digest,
    pub(super) content: Result<Content, EnvelopeError>,
}

/// What an envelope holds.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) envelope: SignedEnvelope,
    pub(super) statement: Result<Statement, StatementError>,
    /// Of each signature in turn; nothing where its key was not known.
    pub(super) verified: Vec<Option<Verified>>,
}

impl ReadEntry {
    /// Reads an entry whose signatures are verified when it is judged.
    pub(crate) fn new(entry: &[u8]) -> Self {
        Self::under(None, entry)
    }

    /// Reads an entry, and verifies its signatures under the keys of a policy.
    pub(super) fn under(policy: Option<&CheckedPolicy>, entry: &[u8]) -> Self {
        let content = SignedEnvelope::from_bytes(entry).map(|envelope| Content {
            statement: Statement::parse(envelope.payload_type(), envelope.payload()),
            verified: policy.map_or_else(Vec::new, |policy| verify(policy, &envelope)),
            envelope,
        });
        Self {
            leaf: leaf_hash(entry),
            content,
        }
    }
}

/// Reads entries that come next after a state with this policy.
pub(crate) fn read_ahead<E: AsRef<[u8]> + Sync>(
    entries: &[E],
    policy: Option<&CheckedPolicy>,
) -> Vec<ReadEntry> {
    let read = |entry: &E| ReadEntry::under(policy, entry.as_ref());
    if entries.len() < WORTH_SHARING {
        entries.iter().map(read).collect()
    } else {
        entries.par_iter().map(read).collect()
    }
}
