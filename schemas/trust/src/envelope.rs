//! Envelopes: the exact bytes of a statement and the signatures over them (DSSE 1.0.2).
//!
//! ```text
//! {"payload":"<base64>","payloadType":"...","signatures":[{"keyid":"SHA256:...","sig":"<base64>"}]}
//! ```
//!
//! One statement has one encoding: no whitespace, keys in this order, standard base64 with
//! padding, 1 to 16 signatures sorted by `keyid` and none twice, at most 32 KiB. What is signed
//! is the pre-authentication encoding of type and payload, never the JSON around it. Whose
//! signatures count is the policy's matter (`replay`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::envelope::{Envelope, Signature};
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::key::{PublicKey, SigningKey};
use crate::sshsig::{SshSignature, SshSignatureError};

/// Most bytes in an envelope.
pub const MAX_SIZE: usize = 32 * 1024;
/// Most signatures in an envelope.
pub const MAX_SIGNATURES: usize = 16;

/// Why bytes are not an envelope, or cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Larger than a log entry may be.
    #[error("an envelope has at most {MAX_SIZE} bytes, found {found}")]
    TooLarge {
        /// How many bytes.
        found: usize,
    },
    /// Not the JSON of an envelope.
    #[error("the entry is not a DSSE envelope: {0}")]
    Malformed(String),
    /// A payload type with characters that media types do not have.
    #[error("{found:?} is not a payload type")]
    PayloadType {
        /// What stood there.
        found: String,
    },
    /// None, or too many.
    #[error("an envelope has 1 to {MAX_SIGNATURES} signatures, found {found}")]
    SignatureCount {
        /// How many.
        found: usize,
    },
    /// Not an OpenSSH fingerprint.
    #[error("expected a `keyid` of `SHA256:` and 43 base64 characters, found {found:?}")]
    KeyId {
        /// What stood there.
        found: String,
    },
    /// Signatures out of order, or one key twice.
    #[error("the signatures are not sorted by `keyid` without repetition")]
    SignatureOrder,
    /// The same content in another text: whitespace, another order, another base64.
    #[error("the envelope is not in its one canonical form")]
    NotCanonical,
    /// Signatures over something else.
    #[error("the envelopes have different payloads, so their signatures do not belong together")]
    OtherPayload,
    /// Not an SSH signature that we accept.
    #[error("the SSH signature cannot be attached")]
    SshSignature(#[source] SshSignatureError),
    /// Not a signature of that key over that statement.
    #[error(
        "expected an Ed25519 signature by {key_id} over the bytes that were to be signed, found something else"
    )]
    RawSignature {
        /// The key.
        key_id: String,
    },
}

impl Outcome for EnvelopeError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::SshSignature(error) => error.hint(),
            Self::RawSignature { .. } => Some(
                "another key signed, or other bytes, or a hash of them (Ed25519ph): pure Ed25519 over \
                 all of them is needed"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Returns the bytes that are signed (DSSE's pre-authentication encoding).
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Signs a payload as builders do: raw Ed25519.
pub fn sign(
    payload_type: &str,
    payload: &[u8],
    key: &SigningKey,
) -> Result<SignedEnvelope, EnvelopeError> {
    let signature = key.sign_raw(&pae(payload_type, payload));
    SignedEnvelope::new(
        payload_type,
        payload.to_vec(),
        vec![EnvelopeSignature {
            key_id: key.public_key().fingerprint(),
            signature: signature.to_vec(),
        }],
    )
}

/// Makes the envelope of a payload that a builder signed elsewhere: `signature` is raw Ed25519 over
/// [`pae`]. The signature is verified first.
pub fn attach_raw(
    payload_type: &str,
    payload: &[u8],
    key: &PublicKey,
    signature: &[u8],
) -> Result<SignedEnvelope, EnvelopeError> {
    let key_id = key.fingerprint();
    if key.is_security_key() || !key.verify_raw(&pae(payload_type, payload), signature) {
        return Err(EnvelopeError::RawSignature { key_id });
    }
    SignedEnvelope::new(
        payload_type,
        payload.to_vec(),
        vec![EnvelopeSignature {
            key_id,
            signature: signature.to_vec(),
        }],
    )
}

/// Makes the envelope of a payload that a person signed: `armoured` is what
/// `ssh-keygen -Y sign -n bulla` wrote over [`pae`]. The signature is verified first.
pub fn attach_sshsig(
    payload_type: &str,
    payload: &[u8],
    armoured: &str,
) -> Result<SignedEnvelope, EnvelopeError> {
    let signature = read_sshsig(payload_type, payload, armoured)?;
    SignedEnvelope::new(payload_type, payload.to_vec(), vec![signature])
}

/// An envelope in its canonical form. That it exists says nothing about its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEnvelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// The fingerprint of the key; a hint that only selects which key to try.
    pub key_id: String,
    /// The raw Ed25519 signature or the SSHSIG blob.
    pub signature: Vec<u8>,
}

impl SignedEnvelope {
    fn new(
        payload_type: &str,
        payload: Vec<u8>,
        signatures: Vec<EnvelopeSignature>,
    ) -> Result<Self, EnvelopeError> {
        let envelope = Self {
            payload_type: payload_type.to_owned(),
            payload,
            signatures,
        };
        envelope.check()?;
        let size = envelope.to_bytes().len();
        if size > MAX_SIZE {
            return Err(EnvelopeError::TooLarge { found: size });
        }
        Ok(envelope)
    }

    /// Reads an entry of the log; anything but the canonical form is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_SIZE {
            return Err(EnvelopeError::TooLarge { found: bytes.len() });
        }
        let envelope: Envelope = serde_json::from_slice(bytes)
            .map_err(|error| EnvelopeError::Malformed(error.to_string()))?;
        let decode = |text: &str| {
            STANDARD
                .decode(text)
                .map_err(|_| EnvelopeError::NotCanonical)
        };
        let signatures = envelope
            .signatures
            .into_iter()
            .map(|signature| {
                Ok(EnvelopeSignature {
                    signature: decode(&signature.sig)?,
                    key_id: signature.keyid,
                })
            })
            .collect::<Result<_, EnvelopeError>>()?;
        let decoded = Self {
            payload: decode(&envelope.payload)?,
            payload_type: envelope.payload_type,
            signatures,
        };
        decoded.check()?;
        if decoded.to_bytes() == bytes {
            Ok(decoded)
        } else {
            Err(EnvelopeError::NotCanonical)
        }
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        if !is_media_type(&self.payload_type) {
            return Err(EnvelopeError::PayloadType {
                found: excerpt(&self.payload_type),
            });
        }
        if !(1..=MAX_SIGNATURES).contains(&self.signatures.len()) {
            return Err(EnvelopeError::SignatureCount {
                found: self.signatures.len(),
            });
        }
        if let Some(wrong) = self.signatures.iter().find(|s| !is_key_id(&s.key_id)) {
            return Err(EnvelopeError::KeyId {
                found: excerpt(&wrong.key_id),
            });
        }
        if !self.signatures.is_sorted_by(|a, b| a.key_id < b.key_id) {
            return Err(EnvelopeError::SignatureOrder);
        }
        Ok(())
    }

    /// Returns the canonical bytes.
    ///
    /// # Panics
    ///
    /// Never: an envelope is made of strings.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&Envelope {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self
                .signatures
                .iter()
                .map(|signature| Signature {
                    keyid: signature.key_id.clone(),
                    sig: STANDARD.encode(&signature.signature),
                })
                .collect(),
        })
        .expect("strings have a JSON form")
    }

    /// Returns what the payload is.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// Returns the payload: the bytes that were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the signatures, sorted by key.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// Adds the signatures of another envelope over the same payload; of two by one key the one that is
    /// here stays.
    pub fn merge(&self, other: &Self) -> Result<Self, EnvelopeError> {
        if (&self.payload_type, &self.payload) != (&other.payload_type, &other.payload) {
            return Err(EnvelopeError::OtherPayload);
        }
        let mut signatures = self.signatures.clone();
        let is_here =
            |one: &EnvelopeSignature| self.signatures.iter().any(|s| s.key_id == one.key_id);
        signatures.extend(other.signatures.iter().filter(|one| !is_here(one)).cloned());
        signatures.sort_by(|a, b| a.key_id.cmp(&b.key_id));
        Self::new(&self.payload_type, self.payload.clone(), signatures)
    }

    /// Keeps the signatures by some keys; fails where none is left.
    pub fn signed_by(&self, keep: impl Fn(&str) -> bool) -> Result<Self, EnvelopeError> {
        let mut signatures = self.signatures.clone();
        signatures.retain(|signature| keep(&signature.key_id));
        Self::new(&self.payload_type, self.payload.clone(), signatures)
    }

    /// Adds another person's signature over the same payload; a second one by the same key
    /// replaces the first.
    pub fn approve(&self, armoured: &str) -> Result<Self, EnvelopeError> {
        let signature = read_sshsig(&self.payload_type, &self.payload, armoured)?;
        let mut signatures = self.signatures.clone();
        signatures.retain(|other| other.key_id != signature.key_id);
        signatures.push(signature);
        signatures.sort_by(|a, b| a.key_id.cmp(&b.key_id));
        Self::new(&self.payload_type, self.payload.clone(), signatures)
    }
}

fn read_sshsig(
    payload_type: &str,
    payload: &[u8],
    armoured: &str,
) -> Result<EnvelopeSignature, EnvelopeError> {
    let signature = SshSignature::from_armour(armoured).map_err(EnvelopeError::SshSignature)?;
    signature
        .verify(signature.key(), &pae(payload_type, payload))
        .map_err(EnvelopeError::SshSignature)?;
    Ok(EnvelopeSignature {
        key_id: signature.key().fingerprint(),
        signature: signature.to_blob(),
    })
}

/// The characters of RFC 6838 §4.2, so that the JSON of a type never needs an escape.
fn is_media_type(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&byte))
}

fn is_key_id(text: &str) -> bool {
    text.strip_prefix("SHA256:").is_some_and(|hash| {
        hash.len() == 43
            && hash
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    })
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> SignedEnvelope {
        sign(
            "application/vnd.in-toto+json",
            b"{}",
            &SigningKey::from_seed(&[3; 32]),
        )
        .unwrap()
    }

    #[test]
    fn the_pre_authentication_encoding_is_that_of_the_dsse_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn has_one_text() {
        let bytes = envelope().to_bytes();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(SignedEnvelope::from_bytes(&bytes), Ok(envelope()));
        for other in [
            text.replacen(':', ": ", 1),
            format!("{text}\n"),
            text.replace("e30=", "e30"),
            text.replace("e30=", "e31="),
            text.replace("e30=", "\\u006530="),
            text.replace("\"payloadType\"", "\"extra\":1,\"payloadType\""),
            text.replace(
                "\"payloadType\":\"application/",
                "\"payloadType\":\"application\\/",
            ),
            text.replace("SHA256:", "sha256:"),
        ] {
            assert_ne!(other, text);
            assert!(
                SignedEnvelope::from_bytes(other.as_bytes()).is_err(),
                "{other}"
            );
        }
        let swapped = {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            format!(
                r#"{{"payloadType":{},"payload":{},"signatures":{}}}"#,
                value["payloadType"], value["payload"], value["signatures"]
            )
        };
        assert_eq!(
            SignedEnvelope::from_bytes(swapped.as_bytes()),
            Err(EnvelopeError::NotCanonical)
        );
    }

    #[test]
    fn a_signature_that_was_made_elsewhere_is_verified_before_it_is_attached() {
        let (kind, key) = (
            "application/vnd.in-toto+json",
            SigningKey::from_seed(&[3; 32]),
        );
        let signature = key.sign_raw(&pae(kind, b"{}"));
        let attach = |key: &SigningKey, signature: &[u8]| {
            attach_raw(kind, b"{}", &key.public_key(), signature)
        };
        assert_eq!(attach(&key, &signature), Ok(envelope()));
        let other = SigningKey::from_seed(&[4; 32]);
        for wrong in [
            attach(&other, &signature),
            attach(&key, &signature[..63]),
            attach(&key, &key.sign_raw(b"{}")),
        ] {
            assert!(matches!(wrong, Err(EnvelopeError::RawSignature { .. })));
        }
    }

    #[test]
    fn refuses_duplicate_and_unsorted_key_ids() {
        let mut double = envelope();
        double.signatures.push(double.signatures[0].clone());
        assert_eq!(
            SignedEnvelope::from_bytes(&double.to_bytes()),
            Err(EnvelopeError::SignatureOrder)
        );
        double.signatures.clear();
        assert_eq!(
            SignedEnvelope::from_bytes(&double.to_bytes()),
            Err(EnvelopeError::SignatureCount { found: 0 })
        );
    }

    #[test]
    fn refuses_more_than_32_kib() {
        assert!(matches!(
            sign(
                "a/b",
                &vec![b'x'; MAX_SIZE],
                &SigningKey::from_seed(&[3; 32])
            ),
            Err(EnvelopeError::TooLarge { .. })
        ));
        assert!(matches!(
            SignedEnvelope::from_bytes(&vec![b' '; MAX_SIZE + 1]),
            Err(EnvelopeError::TooLarge { .. })
        ));
    }
}
