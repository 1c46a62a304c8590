//! The envelope: a payload and the signatures over it (DSSE 1.0.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An envelope as it stands in the log. Its one canonical text and its meaning are `bulla-trust`'s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The payload in standard base64 with padding.
    pub payload: String,
    /// [`IN_TOTO`](crate::media_type::IN_TOTO) or [`POLICY`](crate::media_type::POLICY).
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// 1 to 16 signatures, sorted by `keyid`, none twice.
    pub signatures: Vec<Signature>,
}

/// One signature over the payload's pre-authentication encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The OpenSSH fingerprint of the key, `SHA256:` and 43 base64 characters.
    pub keyid: String,
    /// Standard base64 of a raw Ed25519 signature (builders) or of an SSHSIG blob (people).
    pub sig: String,
}
