//! Signers: whose signatures an envelope carries, and whether there are enough.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use bulla_schemas::Name;

use super::reason::Reason;
use super::tally::Tally;
use super::verified::{Verified, is_right};
use crate::envelope::{SignedEnvelope, pae};
use crate::policy::{CheckedPolicy, Owner};

/// Who signed an envelope, as a policy knows them.
pub(super) struct Signed<'a> {
    pub(super) policy: &'a CheckedPolicy,
    /// Each owner once, however many keys they used.
    signers: BTreeSet<Owner>,
}

impl<'a> Signed<'a> {
    /// Verifies the signatures. The policy's record of a key decides what kind of signature it
    /// must be. A key that the policy does not know is passed over; a wrong signature under a
    /// known key never is.
    pub(super) fn under(
        policy: &'a CheckedPolicy,
        envelope: &SignedEnvelope,
        verified: &[Option<Verified>],
    ) -> Result<Self, Reason> {
        let message = LazyCell::new(|| pae(envelope.payload_type(), envelope.payload()));
        let mut verified = verified.iter();
        let mut signers = BTreeSet::new();
        for signature in envelope.signatures() {
            let verified = verified.next().and_then(Option::as_ref);
            let Some((owner, key)) = policy.key(&signature.key_id) else {
                continue;
            };
            let is_right = verified
                .and_then(|verified| verified.under(owner, key))
                .unwrap_or_else(|| is_right(owner, key, &signature.signature, &message));
            if !is_right {
                return Err(Reason::Signature {
                    owner: owner.name().clone(),
                });
            }
            signers.insert(owner.clone());
        }
        Ok(Self { policy, signers })
    }

    /// Returns the names of those signers who may sign for something.
    pub(super) fn names(&self, may_sign: impl Fn(&Owner) -> bool) -> Vec<Name> {
        let owners = self.signers.iter().filter(|owner| may_sign(owner));
        let mut names: Vec<Name> = owners.map(|owner| owner.name().clone()).collect();
        names.sort_unstable();
        names
    }

    /// Returns the names of those who may sign for something, if they are enough.
    pub(super) fn quorum(
        &self,
        may_sign: impl Fn(&Owner) -> bool,
        needed: u32,
        what: impl FnOnce() -> String,
    ) -> Result<Vec<Name>, Reason> {
        let found = self.names(may_sign);
        if found.len() >= needed as usize {
            Ok(found)
        } else {
            Err(Reason::Threshold {
                what: what(),
                needed,
                found,
            })
        }
    }

    /// Counts those who may sign for something, and those of them who did.
    pub(super) fn tally(
        &self,
        may_sign: impl Fn(&Owner) -> bool,
        needed: u32,
        what: String,
    ) -> Tally {
        let owners = self.policy.owners().filter(|owner| may_sign(owner));
        let may: BTreeSet<&Name> = owners.map(Owner::name).collect();
        Tally {
            what,
            needed,
            may: may.into_iter().cloned().collect(),
            signed: self.names(may_sign),
        }
    }
}
