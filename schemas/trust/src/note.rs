//! Signed notes (C2SP signed-note): a text and the signatures under it, and the keys that verify them.
//!
//! ```text
//! <text, every line ended>
//! <empty line>
//! — <key name> base64(4 bytes of key id ‖ signature)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::log::Anchor;

use crate::key::SigningKey;

mod error;
mod verifier;

pub use error::{MAX_SIZE, NoteError};
pub use verifier::{SignatureType, VerifierKey};

/// Most signatures under a note.
pub const MAX_SIGNATURES: usize = 64;

/// A note taken apart; its signatures are not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line under a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl SignedNote {
    /// Makes a note without signatures of a text whose last line is ended.
    pub fn new(text: String) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Malformed(
                "the last line of the text is not ended",
            ));
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// Reads a note.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_SIZE {
            return Err(NoteError::TooLarge { found: bytes.len() });
        }
        let note =
            std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("it has control characters"));
        }
        let end = note
            .rfind("\n\n")
            .ok_or(NoteError::Malformed("no empty line before the signatures"))?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("the last line is not ended"))?;
        let signatures = lines
            .split('\n')
            .map(|line| {
                NoteSignature::parse(line).ok_or(NoteError::Malformed(
                    "a signature is not a dash, a name and base64",
                ))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("it has too many signatures"));
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// Returns the note's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut note = self.text.clone();
        note.push('\n');
        for signature in &self.signatures {
            note.push_str(&signature.line());
        }
        note.into_bytes()
    }

    /// Returns the line of the last signature, ended; nothing where there is none.
    pub fn last_line(&self) -> String {
        self.signatures
            .last()
            .map_or_else(String::new, NoteSignature::line)
    }

    /// Returns the text, every line ended.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a signature of type 0x01.
    pub fn sign(&mut self, name: &str, key: &SigningKey) -> Result<(), NoteError> {
        let verifier = VerifierKey::new(name, SignatureType::Note, key.public_key())?;
        let signature = key.sign_raw(self.text.as_bytes()).to_vec();
        self.add(&verifier, signature);
        Ok(())
    }

    /// Adds a cosignature, type 0x04, as of `time` in seconds since 1970.
    pub fn cosign(&mut self, name: &str, key: &SigningKey, time: u64) -> Result<(), NoteError> {
        let verifier = VerifierKey::new(name, SignatureType::Cosignature, key.public_key())?;
        let signature = key.sign_raw(cosigned_text(time, &self.text).as_bytes());
        self.add(&verifier, [&time.to_be_bytes()[..], &signature].concat());
        Ok(())
    }

    fn add(&mut self, verifier: &VerifierKey, signature: Vec<u8>) {
        self.signatures.push(NoteSignature {
            name: verifier.name().to_owned(),
            id: verifier.id(),
            signature,
        });
    }

    /// Tells whether `key` signed the text. A wrong signature under the key's name spoils the
    /// note, whatever else stands there.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        key.signature_type() == SignatureType::Note
            && self
                .all_of(key, |signature| {
                    key.key()
                        .verify_raw(self.text.as_bytes(), signature)
                        .then_some(())
                })
                .is_some()
    }

    /// Returns when `key` cosigned the text, in seconds since 1970.
    pub fn cosigned_at(&self, key: &VerifierKey) -> Option<u64> {
        if key.signature_type() != SignatureType::Cosignature {
            return None;
        }
        self.all_of(key, |signature| {
            let (time, signature) = signature.split_first_chunk()?;
            let time = u64::from_be_bytes(*time);
            let text = cosigned_text(time, &self.text);
            (i64::try_from(time).is_ok() && key.key().verify_raw(text.as_bytes(), signature))
                .then_some(time)
        })
    }

    /// Returns the note with the signatures of these keys alone, where they hold.
    #[must_use]
    pub fn signed_only_by(&self, keys: &[VerifierKey]) -> Self {
        let mut note = Self {
            text: self.text.clone(),
            signatures: Vec::new(),
        };
        for key in keys.iter().filter(|key| self.is_signed_by(key)) {
            note.signatures.extend(self.last_of(key).cloned());
        }
        note
    }

    /// Takes over cosignatures by `keys` of a note with the same text, of each key the newest. Tells
    /// whether one came that is newer.
    pub fn take_cosignatures(&mut self, other: &Self, keys: &[VerifierKey]) -> bool {
        let mut has_grown = false;
        for key in keys.iter().filter(|_| self.text == other.text) {
            let newer = other.cosigned_at(key) > self.cosigned_at(key);
            if newer && let Some(signature) = other.last_of(key) {
                let id = key.id();
                self.signatures
                    .retain(|known| known.name != key.name() || known.id != id);
                self.signatures.push(signature.clone());
                has_grown = true;
            }
        }
        has_grown
    }

    fn last_of(&self, key: &VerifierKey) -> Option<&NoteSignature> {
        let id = key.id();
        let mut signatures = self.signatures.iter();
        signatures.rfind(|signature| signature.name == key.name() && signature.id == id)
    }

    /// Applies `verify` to every signature of `key`; all must hold, and the last one's answer is
    /// returned.
    fn all_of<T>(&self, key: &VerifierKey, verify: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let id = key.id();
        let mut answer = None;
        for signature in &self.signatures {
            if signature.name == key.name() && signature.id == id {
                answer = Some(verify(&signature.signature)?);
            }
        }
        answer
    }
}

/// Splits notes that stand one behind the other: the next begins after a line that is a signature, with
/// one that is none.
pub fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let is_signature = |line: &[u8]| line.starts_with("— ".as_bytes());
    let (mut notes, mut begun, mut at, mut was_signature) = (Vec::new(), 0, 0, false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if was_signature && !is_signature(line) {
            notes.push(&bytes[begun..at]);
            begun = at;
        }
        was_signature = is_signature(line);
        at += line.len();
    }
    notes.push(&bytes[begun..]);
    notes
}

impl NoteSignature {
    fn line(&self) -> String {
        let bytes = [&self.id[..], &self.signature].concat();
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        (Anchor::is_origin(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            id: *id,
            signature: signature.to_vec(),
        })
    }
}

fn cosigned_text(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn verifies_the_example_of_the_specification() {
        let verifier = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let key: VerifierKey = verifier.parse().unwrap();
        assert_eq!(key.to_string(), verifier);
        let note = "This is an example message.\n\n\
            — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        assert!(
            SignedNote::from_bytes(note.as_bytes())
                .unwrap()
                .is_signed_by(&key)
        );
    }

    #[test]
    fn verifies_the_example_of_the_go_implementation() {
        let key: VerifierKey = VERIFIER.parse().unwrap();
        assert_eq!(key.to_string(), VERIFIER);
        let note = SignedNote::from_bytes(NOTE.as_bytes()).unwrap();
        assert!(note.is_signed_by(&key));
        assert_eq!(note.to_bytes(), NOTE.as_bytes());
        let other = NOTE.replace("problem,", "problem;");
        assert!(
            !SignedNote::from_bytes(other.as_bytes())
                .unwrap()
                .is_signed_by(&key)
        );
    }

    #[test]
    fn signs_and_cosigns() {
        let (log, witness) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::from_seed(&[2; 32]),
        );
        let mut note = SignedNote::new("text\n".to_owned()).unwrap();
        note.sign("log.example/a", &log).unwrap();
        note.cosign("witness.example", &witness, 1_700_000_000)
            .unwrap();
        let note = SignedNote::from_bytes(&note.to_bytes()).unwrap();
        let verifier =
            |name, kind, key: &SigningKey| VerifierKey::new(name, kind, key.public_key()).unwrap();
        assert!(note.is_signed_by(&verifier("log.example/a", SignatureType::Note, &log)));
        assert!(!note.is_signed_by(&verifier("log.example/b", SignatureType::Note, &log)));
        assert!(!note.is_signed_by(&verifier("log.example/a", SignatureType::Note, &witness)));
        let witness = verifier("witness.example", SignatureType::Cosignature, &witness);
        assert_eq!(note.cosigned_at(&witness), Some(1_700_000_000));
        let log = verifier("log.example/a", SignatureType::Cosignature, &log);
        assert_eq!(note.cosigned_at(&log), None);
    }

    #[test]
    fn notes_one_behind_the_other_are_split_where_they_were_joined() {
        let two = format!("{NOTE}{NOTE}");
        assert_eq!(split(two.as_bytes()), [NOTE.as_bytes(); 2]);
        assert_eq!(split(NOTE.as_bytes()), [NOTE.as_bytes()]);
        assert_eq!(split(b"torn"), [b"torn"]);
    }

    #[test]
    fn of_each_witness_the_newest_cosignature_is_kept() {
        let keys = [2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let names = ["w.example/1", "w.example/2"];
        let verifiers: Vec<_> = (0..2)
            .map(|at| {
                let public = keys[at].public_key();
                VerifierKey::new(names[at], SignatureType::Cosignature, public).unwrap()
            })
            .collect();
        let cosigned = |at: usize, time| {
            let mut note = SignedNote::new("text\n".to_owned()).unwrap();
            note.cosign(names[at], &keys[at], time).unwrap();
            note
        };
        let mut note = SignedNote::new("text\n".to_owned()).unwrap();
        assert!(note.take_cosignatures(&cosigned(0, 100), &verifiers));
        assert!(!note.take_cosignatures(&cosigned(0, 100), &verifiers));
        assert!(!note.take_cosignatures(&cosigned(0, 99), &verifiers));
        assert!(
            !note.take_cosignatures(&cosigned(1, 99), &verifiers[..1]),
            "of no key"
        );
        assert!(note.take_cosignatures(&cosigned(1, 98), &verifiers));
        assert!(note.take_cosignatures(&cosigned(0, 101), &verifiers));
        let times = |note: &SignedNote| {
            let mut times = verifiers.iter().map(|key| note.cosigned_at(key));
            [times.next().flatten(), times.next().flatten()]
        };
        assert_eq!(times(&note), [Some(101), Some(98)]);
        assert_eq!(note.signatures.len(), 2);
        let mut other = SignedNote::new("other\n".to_owned()).unwrap();
        other.cosign(names[0], &keys[0], 200).unwrap();
        assert!(!note.take_cosignatures(&other, &verifiers), "another text");
    }

    #[test]
    fn a_wrong_signature_of_a_known_key_spoils_the_note() {
        let key: VerifierKey = VERIFIER.parse().unwrap();
        let line = NOTE.lines().last().unwrap();
        let wrong = line.replace("x08go/ZJ", "x08go/ZK");
        for lines in [format!("{line}\n{wrong}\n"), format!("{wrong}\n{line}\n")] {
            let note = NOTE.replace(&format!("{line}\n"), &lines);
            assert!(
                !SignedNote::from_bytes(note.as_bytes())
                    .unwrap()
                    .is_signed_by(&key)
            );
        }
    }

    #[test]
    fn refuses_what_is_not_a_note() {
        for wrong in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n— name\n",
            "text\n\n— name AAAA\n",
            "text\n\n- name AAAAAAAA\n",
            "text\n\n— na+me AAAAAAAA\n",
            "text\n\n— name AAAAAAAA",
            "te\txt\n\n— name AAAAAAAA\n",
            "text\r\n\n— name AAAAAAAA\n",
        ] {
            assert!(
                SignedNote::from_bytes(wrong.as_bytes()).is_err(),
                "{wrong:?}"
            );
        }
        assert!(SignedNote::from_bytes("text\n\n— name AAAAAAAA\n".as_bytes()).is_ok());
        assert!(SignedNote::from_bytes(&vec![b'x'; MAX_SIZE + 1]).is_err());
    }
}
