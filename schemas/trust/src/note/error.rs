//! Why bytes are not a note.

use crate::key::KeyError;

/// Most bytes in a note.
pub const MAX_SIZE: usize = 64 * 1024;

/// Why bytes are not a signed note or a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Larger than any honest note.
    #[error("a note has at most {MAX_SIZE} bytes, found {found}")]
    TooLarge {
        /// How many bytes.
        found: usize,
    },
    /// Not a text, an empty line and signatures.
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    /// Not `name+hash+base64`, or the hash belongs to something else.
    #[error("expected a verifier key `name+hash+base64`, found {found:?}")]
    VerifierKey {
        /// What stood there.
        found: String,
    },
    /// A verifier key for signatures of another type.
    #[error("expected a verifier key of type {expected:#04x}, found {found:#04x}")]
    KeyType {
        /// The type byte that belongs here.
        expected: u8,
        /// The type byte that stood there.
        found: u8,
    },
    /// The key itself is not acceptable.
    #[error("the verifier key is not acceptable")]
    Key(#[source] KeyError),
}
