//! `Verified`: a signature that was verified under a key, so that it need not be done again.

use crate::envelope::{EnvelopeSignature, SignedEnvelope, pae};
use crate::key::PublicKey;
use crate::policy::{CheckedPolicy, Owner};
use crate::sshsig::SshSignature;

/// A signature that was verified under a key, in the form that the key's owner signs in.
#[derive(Debug)]
pub(super) struct Verified {
    owner: Owner,
    key: PublicKey,
    is_right: bool,
}

impl Verified {
    /// Returns whose key it is, and whether the signature is right.
    pub(super) fn into_owner(self) -> (Owner, bool) {
        (self.owner, self.is_right)
    }

    /// Tells whether the signature is right, if it was verified under this key of this owner.
    pub(super) fn under(&self, owner: &Owner, key: &PublicKey) -> Option<bool> {
        (self.owner == *owner && self.key == *key).then_some(self.is_right)
    }
}

/// Verifies the signatures of an envelope whose keys a policy knows, each in its turn.
pub(super) fn verify(policy: &CheckedPolicy, envelope: &SignedEnvelope) -> Vec<Option<Verified>> {
    let message = pae(envelope.payload_type(), envelope.payload());
    let verify = |signature: &EnvelopeSignature| {
        let (owner, key) = policy.key(&signature.key_id)?;
        Some(Verified {
            owner: owner.clone(),
            key: key.clone(),
            is_right: is_right(owner, key, &signature.signature, &message),
        })
    };
    envelope.signatures().iter().map(verify).collect()
}

/// Verifies a signature in the form that its owner signs in.
pub(super) fn is_right(owner: &Owner, key: &PublicKey, signature: &[u8], message: &[u8]) -> bool {
    match owner {
        Owner::Person(_) => SshSignature::from_blob(signature)
            .is_ok_and(|signature| signature.verify(key, message).is_ok()),
        Owner::Builder(_) => key.verify_raw(message, signature),
    }
}
