//! Signers: whose signatures an envelope carries, and whether there are enough.

use std::collections::BTreeSet;

use bulla_schemas::Name;
use bulla_schemas::log::LogPosition;

use super::{Entry, Reason};
use crate::envelope::{SignedEnvelope, pae};
use crate::policy::{CheckedPolicy, Owner};
use crate::sshsig::SshSignature;

/// Returns who signed, each owner once however many keys they used.
///
/// The key is looked up in the policy and decides what kind of signature it must be. A key that
/// the policy does not know is passed over; a wrong signature under a known key is never.
pub(super) fn signers(
    policy: &CheckedPolicy,
    envelope: &SignedEnvelope,
) -> Result<BTreeSet<Owner>, Reason> {
    let message = pae(envelope.payload_type(), envelope.payload());
    let mut signers = BTreeSet::new();
    for signature in envelope.signatures() {
        let Some((owner, key)) = policy.key(&signature.key_id) else {
            continue;
        };
        let is_right = match owner {
            Owner::Person(_) => SshSignature::from_blob(&signature.signature)
                .is_ok_and(|signature| signature.verify(key, &message).is_ok()),
            Owner::Builder(_) => key.verify_raw(&message, &signature.signature),
        };
        if !is_right {
            return Err(Reason::Signature {
                owner: owner.name().clone(),
            });
        }
        signers.insert(owner.clone());
    }
    Ok(signers)
}

/// Returns the names of those who may sign for something, if they are enough.
pub(super) fn quorum(
    signers: &BTreeSet<Owner>,
    may_sign: impl Fn(&Owner) -> bool,
    needed: u32,
    what: impl FnOnce() -> String,
) -> Result<Vec<Name>, Reason> {
    let mut found: Vec<Name> = signers
        .iter()
        .filter(|owner| may_sign(owner))
        .map(|owner| owner.name().clone())
        .collect();
    found.sort_unstable();
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

/// Checks that the signers had verified this log and no other.
pub(super) fn check_position(entry: &Entry<'_>, log: &LogPosition) -> Result<(), Reason> {
    let Some(root) = entry.before.root_at(log.size) else {
        return Err(Reason::Future {
            signed: log.size,
            entry: entry.index,
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
