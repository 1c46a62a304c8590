//! Who signed an entry of the log, in words.

use bulla_schemas::report::{EntrySigner, SignatureStanding, SignerRole};

/// Names who signed, with the key.
pub(super) fn signer(signer: &EntrySigner) -> String {
    let who = match (&signer.name, signer.role) {
        (Some(name), Some(SignerRole::Builder)) => format!("the builder {name}"),
        (Some(name), _) => name.to_string(),
        (None, _) => "a key that the policy does not know".to_owned(),
    };
    let wrong = match signer.signature {
        SignatureStanding::Wrong => ", wrongly",
        SignatureStanding::Right | SignatureStanding::UnknownKey => "",
    };
    format!("{who} ({}{wrong})", signer.key)
}
