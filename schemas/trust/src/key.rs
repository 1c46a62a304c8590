//! Keys: the public keys of people and builders as OpenSSH writes them, and the signing keys of
//! builders and logs as PKCS#8 PEM.
//!
//! Only Ed25519, alone or in a FIDO token. A key that is weak or not canonically encoded does not
//! become a [`PublicKey`].

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome};
use ed25519_dalek::ed25519::pkcs8::{EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, spki::der::pem::LineEnding};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use zeroize::Zeroizing;

use crate::wire::{Reader, put_string};

const PLAIN: &str = "ssh-ed25519";
const SECURITY_KEY: &str = "sk-ssh-ed25519@openssh.com";

/// An Ed25519 public key, alone or in a security key (FIDO token).
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: VerifyingKey,
    /// The application that a security key signs for, usually `ssh:`.
    application: Option<String>,
}

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another type, or no OpenSSH public key at all.
    #[error(
        "expected an `ssh-ed25519` or `sk-ssh-ed25519@openssh.com` public key, found {found:?}"
    )]
    Type {
        /// What stood in place of the type.
        found: String,
    },
    /// The part after the type is broken.
    #[error("the `{kind}` key is not encoded as OpenSSH encodes it")]
    Encoding {
        /// The key's type.
        kind: &'static str,
    },
    /// A key for which anybody can make signatures, or with two encodings.
    #[error("the Ed25519 key is weak or not canonically encoded")]
    Weak,
    /// Not a signing key that we can read.
    #[error("expected an Ed25519 private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)")]
    SigningKey,
}

impl Outcome for KeyError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Type { found } if found.contains("-cert-") => {
                "this is a certificate: whom it is for and until when is another one's word, and the \
                 policy names keys themselves; give the `.pub` file that it was made from"
            }
            Self::Type { found } if found.contains("rsa") || found.contains("ecdsa") => {
                "one signature of such a key can be written in several ways, and everybody has to judge \
                 a log the same: make a key with `ssh-keygen -t ed25519` or `-t ed25519-sk`"
            }
            Self::Type { .. } => "make one with `ssh-keygen -t ed25519` or `-t ed25519-sk`",
            Self::SigningKey => "make one with `bulla key generate FILE`",
            Self::Encoding { .. } | Self::Weak => return None,
        };
        Some(hint.to_owned())
    }
}

impl PublicKey {
    /// Takes the 32 bytes of an Ed25519 public key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self {
            point: strong_point(bytes)?,
            application: None,
        })
    }

    /// Returns the 32 bytes of the Ed25519 public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.point.as_bytes()
    }

    /// Tells whether the key lives in a security key.
    pub fn is_security_key(&self) -> bool {
        self.application.is_some()
    }

    /// Returns the key as a security key for `application` would have it.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn in_token(self, application: &str) -> Self {
        Self {
            application: Some(application.to_owned()),
            ..self
        }
    }

    /// Returns the application that a security key signs for.
    pub(crate) fn application(&self) -> Option<&str> {
        self.application.as_deref()
    }

    /// Returns the name of the key's type.
    pub const fn type_name(&self) -> &'static str {
        match self.application {
            None => PLAIN,
            Some(_) => SECURITY_KEY,
        }
    }

    /// Returns the key in SSH's binary form.
    pub fn to_blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        put_string(&mut blob, self.type_name().as_bytes());
        put_string(&mut blob, self.as_bytes());
        if let Some(application) = &self.application {
            put_string(&mut blob, application.as_bytes());
        }
        blob
    }

    /// Reads SSH's binary form; bytes that are left over are refused.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let mut reader = Reader(blob);
        let found = reader.string().unwrap_or_default();
        let kind = match found {
            b"ssh-ed25519" => PLAIN,
            b"sk-ssh-ed25519@openssh.com" => SECURITY_KEY,
            _ => {
                return Err(KeyError::Type {
                    found: excerpt(&String::from_utf8_lossy(found)),
                });
            }
        };
        let encoding = || KeyError::Encoding { kind };
        let bytes = reader.string().ok_or_else(encoding)?;
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| encoding())?;
        let application = if kind == SECURITY_KEY {
            let application = reader.string().ok_or_else(encoding)?;
            Some(String::from_utf8(application.to_vec()).map_err(|_| encoding())?)
        } else {
            None
        };
        if !reader.is_empty() {
            return Err(encoding());
        }
        Ok(Self {
            point: strong_point(bytes)?,
            application,
        })
    }

    /// Returns the key as it stands in a policy: type, a space, base64.
    pub fn to_openssh(&self) -> String {
        format!("{} {}", self.type_name(), STANDARD.encode(self.to_blob()))
    }

    /// Returns `SHA256:` and 43 base64 characters, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let digest = Digest::of(&self.to_blob());
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest.as_bytes()))
    }

    /// Verifies 64 raw bytes, the one way: canonical S and R, nothing of small order, without
    /// cofactor (dalek's `verify_strict`). A log that replays everywhere to the same state
    /// allows no other answer.
    pub fn verify_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.point.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads a line of a `.pub` file; a comment after the key is ignored.
    fn from_str(line: &str) -> Result<Self, KeyError> {
        let mut words = line.split_ascii_whitespace();
        let kind = match words.next().unwrap_or_default() {
            PLAIN => PLAIN,
            SECURITY_KEY => SECURITY_KEY,
            found => {
                return Err(KeyError::Type {
                    found: excerpt(found),
                });
            }
        };
        let encoding = || KeyError::Encoding { kind };
        let blob = words.next().ok_or_else(encoding)?;
        let key = Self::from_blob(&STANDARD.decode(blob).map_err(|_| encoding())?)?;
        if key.type_name() == kind {
            Ok(key)
        } else {
            Err(encoding())
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_openssh())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.fingerprint())
    }
}

/// An Ed25519 signing key of a builder or a log. Zeroed when dropped, never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes the key of 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads PKCS#8 PEM, version 1 (OpenSSL's) or 2 (with the public key, which must match).
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem.trim())
            .map(Self)
            .map_err(|_| KeyError::SigningKey)
    }

    /// Returns PKCS#8 PEM, version 1: OpenSSL 3.0 cannot read version 2.
    ///
    /// # Panics
    ///
    /// Never: 32 bytes always have a PKCS#8 form.
    pub fn to_pem(&self) -> Zeroizing<String> {
        KeypairBytes {
            secret_key: self.0.to_bytes(),
            public_key: None,
        }
        .to_pkcs8_pem(LineEnding::LF)
        .expect("32 bytes have a PKCS#8 form")
    }

    /// Returns the public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            point: self.0.verifying_key(),
            application: None,
        }
    }

    /// Signs `message` with pure Ed25519 (RFC 8032 §5.1).
    pub fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.public_key().fingerprint())
    }
}

/// Decodes a point, refusing small order and a second encoding of the same point.
fn strong_point(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let point = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Weak)?;
    let canonical = point.to_edwards().compress();
    if point.is_weak() || canonical.as_bytes() != bytes {
        return Err(KeyError::Weak);
    }
    Ok(point)
}

fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Verifier as _;

    use super::*;

    /// Made by `ssh-keygen`, with the fingerprint that `ssh-keygen -l` prints.
    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJzookd8kXmH9IzN+nTKsvNWn23LjAa6d75tsyremxG";
    const FINGERPRINT: &str = "SHA256:BEe+NTPIo3tx24JdAUegXMsQRDv4pHrQ/MJhFhGeEn4";
    /// The order of the group, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    #[test]
    fn a_key_is_written_as_it_was_read_without_its_comment() {
        let key: PublicKey = format!("{LINE} alice@example\n").parse().unwrap();
        assert_eq!(key.to_openssh(), LINE);
        assert_eq!(key.fingerprint(), FINGERPRINT);
    }

    #[test]
    fn refuses_other_types_and_broken_encodings() {
        let line = SigningKey::from_seed(&[7; 32]).public_key().to_openssh();
        assert!(matches!(
            "ssh-rsa AAAAB3NzaC1yc2E=".parse::<PublicKey>(),
            Err(KeyError::Type { .. })
        ));
        assert!(matches!(
            "".parse::<PublicKey>(),
            Err(KeyError::Type { .. })
        ));
        for broken in [
            "ssh-ed25519".to_owned(),
            line[..line.len() - 4].to_owned(),
            line.replacen("ssh-ed25519", SECURITY_KEY, 1),
        ] {
            assert!(
                matches!(broken.parse::<PublicKey>(), Err(KeyError::Encoding { .. })),
                "{broken}"
            );
        }
        let mut trailing = SigningKey::from_seed(&[7; 32]).public_key().to_blob();
        trailing.push(0);
        assert!(PublicKey::from_blob(&trailing).is_err());
    }

    #[test]
    fn refuses_weak_and_second_encodings_of_points() {
        // The identity, a point of order 4, and the identity with y = p + 1.
        let mut identity = [0; 32];
        identity[0] = 1;
        let order_4 = [0; 32];
        let mut second = [0xff; 32];
        second[0] = 0xee;
        second[31] = 0x7f;
        for bytes in [identity, order_4, second] {
            assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak));
        }
    }

    #[test]
    fn reads_pem_of_both_versions_and_writes_version_1() {
        let key = SigningKey::from_seed(&[9; 32]);
        let pem = key.to_pem();
        assert_eq!(
            SigningKey::from_pem(&pem).unwrap().public_key(),
            key.public_key()
        );
        let version_2 = key.0.to_pkcs8_pem(LineEnding::LF).unwrap();
        assert!(version_2.len() > pem.len());
        assert_eq!(
            SigningKey::from_pem(&version_2).unwrap().public_key(),
            key.public_key()
        );
        assert_eq!(
            SigningKey::from_pem("-----BEGIN OPENSSH PRIVATE KEY-----").unwrap_err(),
            KeyError::SigningKey
        );
    }

    #[test]
    fn refuses_a_pem_whose_public_half_is_another() {
        let lie = KeypairBytes {
            secret_key: [9; 32],
            public_key: Some(ed25519_dalek::ed25519::pkcs8::PublicKeyBytes(
                *SigningKey::from_seed(&[8; 32]).public_key().as_bytes(),
            )),
        };
        let pem = lie.to_pkcs8_pem(LineEnding::LF).unwrap();
        assert_eq!(
            SigningKey::from_pem(&pem).unwrap_err(),
            KeyError::SigningKey
        );
    }

    #[test]
    fn a_signature_is_not_malleable() {
        let key = SigningKey::from_seed(&[1; 32]);
        let mut signature = key.sign_raw(b"m");
        assert!(key.public_key().verify_raw(b"m", &signature));
        assert!(!key.public_key().verify_raw(b"n", &signature));
        assert!(!key.public_key().verify_raw(b"m", &signature[..63]));
        // S + L is the same scalar modulo L.
        let mut carry = 0u16;
        for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert!(!key.public_key().verify_raw(b"m", &signature));
    }

    #[test]
    fn a_signature_with_a_small_order_point_is_refused() {
        // R is the identity and S = H(R, A, "m")·a: the equation holds, and OpenSSL accepts it.
        let mut signature = [0; 64];
        signature[0] = 1;
        signature[32..].copy_from_slice(&[
            0xa0, 0x00, 0x0a, 0x78, 0xdb, 0x7a, 0x82, 0xc4, 0xc9, 0x3e, 0x99, 0x93, 0xfa, 0x59,
            0x3d, 0xe3, 0xae, 0x8f, 0x9c, 0x2b, 0xe4, 0x37, 0x04, 0x1e, 0x83, 0x56, 0x2b, 0xeb,
            0xd7, 0x4d, 0x49, 0x07,
        ]);
        let key = SigningKey::from_seed(&[7; 32]).public_key();
        let parsed = Signature::from_bytes(&signature);
        assert!(key.point.verify(b"m", &parsed).is_ok());
        assert!(!key.verify_raw(b"m", &signature));
    }
}
