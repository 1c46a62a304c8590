//! SSH signatures (OpenSSH's PROTOCOL.sshsig), read strictly.
//!
//! ```text
//! "SSHSIG"  u32 version = 1
//! string public key      the signer's, in SSH's binary form
//! string namespace       "bulla", so that no signature made for another purpose counts
//! string reserved        empty
//! string hash            "sha512" or "sha256"
//! string signature       string type, string 64 bytes; a security key adds u8 flags, u32 counter
//! ```
//!
//! Signing is `ssh-keygen`'s work, which reaches agents and FIDO tokens; this module only reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::outcome::{FailureKind, Outcome};
use sha2::Digest as _;

use crate::key::{KeyError, PublicKey};
use crate::wire::{Reader, put_string};

/// The namespace of every signature in Bulla: `ssh-keygen -Y sign -n bulla`.
pub const NAMESPACE: &str = "bulla";

const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Bit 0 of a security key's flags: somebody touched it.
const USER_PRESENT: u8 = 1;

/// Why bytes are not an SSH signature that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SshSignatureError {
    /// No armour around it.
    #[error("expected `{BEGIN}`, base64 and `{END}`")]
    Armour,
    /// Too short, too long, another version, or a reserved field that is in use.
    #[error("the SSH signature is not encoded as OpenSSH encodes it")]
    Encoding,
    /// A key of a type that is not accepted.
    #[error("the SSH signature's key is not accepted")]
    Key(#[source] KeyError),
    /// Made for another purpose.
    #[error("expected an SSH signature for the namespace `{NAMESPACE}`, found {found:?}")]
    Namespace {
        /// The namespace it was made for.
        found: String,
    },
    /// Another hash function.
    #[error("expected `sha512` or `sha256` in the SSH signature, found {found:?}")]
    Hash {
        /// The name of the hash function.
        found: String,
    },
    /// Made with another key than the one looked up.
    #[error("the SSH signature was made with {found}, expected {expected}")]
    OtherKey {
        /// The fingerprint of the key looked up.
        expected: String,
        /// The fingerprint of the key inside.
        found: String,
    },
    /// Nobody touched the security key.
    #[error("the security key signed without a touch")]
    UserAbsent,
    /// The mathematics says no.
    #[error("the SSH signature does not belong to these bytes")]
    Wrong,
}

impl Outcome for SshSignatureError {
    fn kind(&self) -> FailureKind {
        FailureKind::Refused
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Namespace { .. } => {
                Some(format!("sign with `ssh-keygen -Y sign -n {NAMESPACE}`"))
            }
            Self::UserAbsent => {
                Some("the key was made with `no-touch-required`; make one without".to_owned())
            }
            _ => None,
        }
    }
}

/// An SSH signature, taken apart; not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSignature {
    key: PublicKey,
    hash: Hash,
    signature: [u8; 64],
    /// A security key's flags and counter.
    token: Option<(u8, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

impl SshSignature {
    /// Reads the file that `ssh-keygen -Y sign` writes.
    pub fn from_armour(text: &str) -> Result<Self, SshSignatureError> {
        let base64: String = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|text| text.strip_suffix(END))
            .ok_or(SshSignatureError::Armour)?
            .split_ascii_whitespace()
            .collect();
        let blob = STANDARD
            .decode(base64)
            .map_err(|_| SshSignatureError::Armour)?;
        Self::from_blob(&blob)
    }

    /// Reads the binary form; bytes that are left over are refused.
    pub fn from_blob(blob: &[u8]) -> Result<Self, SshSignatureError> {
        let encoding = || SshSignatureError::Encoding;
        let mut reader = Reader(blob);
        if reader.take(MAGIC.len()) != Some(MAGIC) || reader.number() != Some(1) {
            return Err(encoding());
        }
        let key = reader.string().ok_or_else(encoding)?;
        let key = PublicKey::from_blob(key).map_err(SshSignatureError::Key)?;
        let namespace = reader.string().ok_or_else(encoding)?;
        if namespace != NAMESPACE.as_bytes() {
            return Err(SshSignatureError::Namespace {
                found: excerpt(namespace),
            });
        }
        if reader.string() != Some(b"") {
            return Err(encoding());
        }
        let hash = match reader.string().ok_or_else(encoding)? {
            b"sha256" => Hash::Sha256,
            b"sha512" => Hash::Sha512,
            other => {
                return Err(SshSignatureError::Hash {
                    found: excerpt(other),
                });
            }
        };
        let mut inner = Reader(reader.string().ok_or_else(encoding)?);
        if !reader.is_empty() || inner.string() != Some(key.type_name().as_bytes()) {
            return Err(encoding());
        }
        let signature = inner.string().ok_or_else(encoding)?;
        let token = if key.is_security_key() {
            let flags = inner.byte().ok_or_else(encoding)?;
            Some((flags, inner.number().ok_or_else(encoding)?))
        } else {
            None
        };
        if !inner.is_empty() {
            return Err(encoding());
        }
        Ok(Self {
            key,
            hash,
            signature: signature.try_into().map_err(|_| encoding())?,
            token,
        })
    }

    /// Returns the binary form, the same bytes that were read.
    pub fn to_blob(&self) -> Vec<u8> {
        let mut inner = Vec::new();
        put_string(&mut inner, self.key.type_name().as_bytes());
        put_string(&mut inner, &self.signature);
        if let Some((flags, counter)) = self.token {
            inner.push(flags);
            inner.extend_from_slice(&counter.to_be_bytes());
        }
        let mut blob = MAGIC.to_vec();
        blob.extend_from_slice(&1_u32.to_be_bytes());
        put_string(&mut blob, &self.key.to_blob());
        put_string(&mut blob, NAMESPACE.as_bytes());
        put_string(&mut blob, b"");
        put_string(&mut blob, self.hash.name().as_bytes());
        put_string(&mut blob, &inner);
        blob
    }

    /// Returns the text that `ssh-keygen` writes for this signature, byte for byte.
    pub fn to_armour(&self) -> String {
        let base64 = STANDARD.encode(self.to_blob());
        let mut text = format!("{BEGIN}\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(70));
            text.push_str(line);
            text.push('\n');
            rest = tail;
        }
        text + END + "\n"
    }

    /// Returns the key that the signature says it was made with.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies that `key` signed `message`, and for a security key that somebody touched it.
    pub fn verify(&self, key: &PublicKey, message: &[u8]) -> Result<(), SshSignatureError> {
        if self.key != *key {
            return Err(SshSignatureError::OtherKey {
                expected: key.fingerprint(),
                found: self.key.fingerprint(),
            });
        }
        let mut signed = signed_data(self.hash, message);
        if let (Some(application), Some((flags, counter))) = (key.application(), self.token) {
            if flags & USER_PRESENT == 0 {
                return Err(SshSignatureError::UserAbsent);
            }
            signed = security_key_data(application, flags, counter, &signed);
        }
        if key.verify_raw(&signed, &self.signature) {
            Ok(())
        } else {
            Err(SshSignatureError::Wrong)
        }
    }
}

/// What `ssh-keygen` signs: the blob with the message's hash in place of key and signature.
fn signed_data(hash: Hash, message: &[u8]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    put_string(&mut data, NAMESPACE.as_bytes());
    put_string(&mut data, b"");
    put_string(&mut data, hash.name().as_bytes());
    put_string(&mut data, &hash.digest(message));
    data
}

/// What a FIDO token signs in its place (OpenSSH's PROTOCOL.u2f).
fn security_key_data(application: &str, flags: u8, counter: u32, signed: &[u8]) -> Vec<u8> {
    let mut data = sha2::Sha256::digest(application).to_vec();
    data.push(flags);
    data.extend_from_slice(&counter.to_be_bytes());
    data.extend_from_slice(&sha2::Sha256::digest(signed));
    data
}

/// Signs as `ssh-keygen -Y sign -n bulla` does; for tests, which have no agent.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sign_for_tests(key: &crate::key::SigningKey, message: &[u8]) -> SshSignature {
    SshSignature {
        key: key.public_key(),
        hash: Hash::Sha512,
        signature: key.sign_raw(&signed_data(Hash::Sha512, message)),
        token: None,
    }
}

/// Signs as a security key does that was made for `ssh:`; for tests, which have no token.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sign_as_token_for_tests(
    key: &crate::key::SigningKey,
    flags: u8,
    message: &[u8],
) -> SshSignature {
    let signed = signed_data(Hash::Sha256, message);
    SshSignature {
        key: key.public_key().in_token("ssh:"),
        hash: Hash::Sha256,
        signature: key.sign_raw(&security_key_data("ssh:", flags, 9, &signed)),
        token: Some((flags, 9)),
    }
}

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[5; 32])
    }

    #[test]
    fn verifies_what_it_reads_again() {
        let signature = sign_for_tests(&key(), b"message");
        let read = SshSignature::from_armour(&signature.to_armour()).unwrap();
        assert_eq!(read, signature);
        assert_eq!(read.verify(&key().public_key(), b"message"), Ok(()));
        assert_eq!(
            read.verify(&key().public_key(), b"another"),
            Err(SshSignatureError::Wrong)
        );
        assert!(matches!(
            read.verify(&SigningKey::from_seed(&[6; 32]).public_key(), b"message"),
            Err(SshSignatureError::OtherKey { .. })
        ));
    }

    #[test]
    fn a_security_key_must_have_been_touched() {
        for (flags, outcome) in [
            (1, Ok(())),
            (5, Ok(())),
            (0, Err(SshSignatureError::UserAbsent)),
            (4, Err(SshSignatureError::UserAbsent)),
        ] {
            let signature = sign_as_token_for_tests(&key(), flags, b"m");
            let read = SshSignature::from_blob(&signature.to_blob()).unwrap();
            assert_eq!(read.verify(signature.key(), b"m"), outcome, "flags {flags}");
        }
        let mut lie = sign_as_token_for_tests(&key(), 0, b"m");
        lie.token = Some((1, 9));
        assert_eq!(lie.verify(lie.key(), b"m"), Err(SshSignatureError::Wrong));
    }

    #[test]
    fn a_security_key_and_a_plain_key_with_the_same_point_are_different_keys() {
        let signature = sign_as_token_for_tests(&key(), 1, b"m");
        assert!(matches!(
            signature.verify(&key().public_key(), b"m"),
            Err(SshSignatureError::OtherKey { .. })
        ));
    }

    #[test]
    fn refuses_signatures_made_for_git_or_another_hash() {
        let blob = sign_for_tests(&key(), b"m").to_blob();
        let replace = |from: &[u8], to: &[u8]| {
            let at = blob.windows(from.len()).position(|w| w == from).unwrap();
            [&blob[..at], to, &blob[at + from.len()..]].concat()
        };
        assert_eq!(
            SshSignature::from_blob(&replace(b"\x05bulla", b"\x03git")),
            Err(SshSignatureError::Namespace {
                found: "git".to_owned()
            })
        );
        assert!(matches!(
            SshSignature::from_blob(&replace(b"sha512", b"sha384")),
            Err(SshSignatureError::Hash { .. })
        ));
        assert_eq!(
            SshSignature::from_blob(&replace(b"bulla\0\0\0\0", b"bulla\0\0\0\x01x")),
            Err(SshSignatureError::Encoding)
        );
        assert_eq!(
            SshSignature::from_blob(&replace(b"SSHSIG\0\0\0\x01", b"SSHSIG\0\0\0\x02")),
            Err(SshSignatureError::Encoding)
        );
        assert_eq!(
            SshSignature::from_blob(&[&blob[..], b"\0"].concat()),
            Err(SshSignatureError::Encoding)
        );
        for length in 0..blob.len() {
            assert!(SshSignature::from_blob(&blob[..length]).is_err());
        }
    }
}
