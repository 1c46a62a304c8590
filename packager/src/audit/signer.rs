//! Who made a signature, as it is reported.

use bulla_schemas::report::{EntrySigner, SignatureStanding, SignerRole};
use bulla_trust::policy::Owner;
use bulla_trust::replay::ExaminedSignature;

pub(super) fn signer(signature: &ExaminedSignature) -> EntrySigner {
    let owner = signature.owner.as_ref();
    EntrySigner {
        key: signature.key_id.clone(),
        name: owner.map(|(owner, _)| owner.name().clone()),
        role: owner.map(|(owner, _)| match owner {
            Owner::Person(_) => SignerRole::Person,
            Owner::Builder(_) => SignerRole::Builder,
        }),
        signature: match owner {
            Some((_, true)) => SignatureStanding::Right,
            Some((_, false)) => SignatureStanding::Wrong,
            None => SignatureStanding::UnknownKey,
        },
    }
}
