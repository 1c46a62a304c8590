//! `Entry`: an entry of the log with everything its rules need.

use bulla_schemas::Digest;
use bulla_schemas::log::LogPosition;

use super::reason::Reason;
use super::signers::Signed;
use super::verified::Verified;
use crate::envelope::SignedEnvelope;
use crate::policy::CheckedPolicy;
use crate::state::LogState;

/// An entry with everything its rules need.
pub(super) struct Entry<'a> {
    /// Its index in the log.
    pub(super) index: u64,
    /// The state after all entries before it.
    pub(super) before: &'a LogState,
    pub(super) envelope: &'a SignedEnvelope,
    /// Of each signature in turn, where it was verified before.
    pub(super) verified: &'a [Option<Verified>],
}

impl Entry<'_> {
    /// Returns who signed, by the policy in effect here.
    pub(super) fn signed(&self) -> Result<Signed<'_>, Reason> {
        let policy = self.before.checked_policy().ok_or(Reason::NoPolicy)?;
        self.signed_under(policy)
    }

    /// Returns who signed, by a policy.
    pub(super) fn signed_under<'p>(&self, policy: &'p CheckedPolicy) -> Result<Signed<'p>, Reason> {
        Signed::under(policy, self.envelope, self.verified)
    }

    pub(super) fn payload_digest(&self) -> Digest {
        Digest::of(self.envelope.payload())
    }

    /// Checks that the signers had verified this log and no other. Every log has been empty, so an
    /// empty one binds to nothing.
    pub(super) fn check_position(&self, log: &LogPosition) -> Result<(), Reason> {
        if log.size == 0 && self.index > 0 {
            return Err(Reason::Unbound { entry: self.index });
        }
        let Some(root) = self.before.root_at(log.size) else {
            return Err(Reason::Future {
                signed: log.size,
                entry: self.index,
            });
        };
        if root == log.root {
            Ok(())
        } else {
            Err(Reason::OtherHistory {
                size: log.size,
                signed: log.root,
                root,
            })
        }
    }
}
