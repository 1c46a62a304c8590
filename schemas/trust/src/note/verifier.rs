//! Verifier keys (C2SP signed-note): `name+hash+base64`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;

use super::error::NoteError;
use crate::key::PublicKey;

/// What a key's signatures are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// 0x01: Ed25519 over the text; a log's signature.
    Note,
    /// 0x04: Ed25519 over a time and the text; a witness's cosignature (C2SP tlog-cosignature).
    Cosignature,
}

impl SignatureType {
    /// Returns the type byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A key that verifies notes, written `name+hash+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    signature_type: SignatureType,
    key: PublicKey,
}

impl VerifierKey {
    /// Names a key; the name of a log's key is the log's origin.
    pub fn new(
        name: &str,
        signature_type: SignatureType,
        key: PublicKey,
    ) -> Result<Self, NoteError> {
        if !Anchor::is_origin(name) || key.is_security_key() {
            return Err(NoteError::VerifierKey {
                found: excerpt(name),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            signature_type,
            key,
        })
    }

    /// Returns the key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the key signs.
    pub const fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// Returns the public key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the four bytes that stand before the key's signatures.
    pub fn id(&self) -> [u8; 4] {
        let mut bytes = self.name.clone().into_bytes();
        bytes.push(b'\n');
        bytes.push(self.signature_type.byte());
        bytes.extend_from_slice(self.key.as_bytes());
        let hash = Digest::of(&bytes);
        let [a, b, c, d, ..] = *hash.as_bytes();
        [a, b, c, d]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.signature_type.byte()];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(
            formatter,
            "{}+{:08x}+{}",
            self.name,
            u32::from_be_bytes(self.id()),
            STANDARD.encode(bytes)
        )
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = || NoteError::VerifierKey {
            found: excerpt(text),
        };
        // Base64 may hold a `+`, a name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(base64)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let bytes = STANDARD.decode(base64).map_err(|_| malformed())?;
        let (&[byte], key) = bytes.split_first_chunk().ok_or_else(malformed)?;
        let signature_type = match byte {
            1 => SignatureType::Note,
            4 => SignatureType::Cosignature,
            found => return Err(NoteError::KeyType { expected: 1, found }),
        };
        let key = key.try_into().map_err(|_| malformed())?;
        let key = PublicKey::from_bytes(key).map_err(NoteError::Key)?;
        let verifier = Self::new(name, signature_type, key)?;
        if verifier.to_string() == text {
            Ok(verifier)
        } else {
            Err(malformed())
        }
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_key_has_one_text() {
        for wrong in [
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+",
            "PeterNeumann",
        ] {
            assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong}");
        }
    }
}
