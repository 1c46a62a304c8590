//! Checkpoints (C2SP tlog-checkpoint): the log's signed word on how large it is and what it holds.
//!
//! ```text
//! <origin>
//! <size>
//! <root in base64>
//!
//! — <origin> <signature of the log>
//! — <witness> <cosignature>
//! ```
//!
//! There are no extension lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::Digest;
use bulla_schemas::log::{Anchor, LogPosition};

use crate::key::SigningKey;
use crate::note::{NoteError, SignedNote};

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The Merkle root over them.
    pub root: Digest,
}

/// Why bytes are not a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a signed note.
    #[error("the checkpoint is not a signed note")]
    Note(#[source] NoteError),
    /// A note about something else, or not in the one form.
    #[error("the checkpoint's text is not an origin, a size and a root")]
    Malformed,
}

impl Checkpoint {
    /// Returns the text that is signed.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.as_bytes())
        )
    }

    /// Signs the checkpoint with a log key, whose name is the origin.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedNote, NoteError> {
        let mut note = SignedNote::new(self.text())?;
        note.sign(&self.origin, key)?;
        Ok(note)
    }

    /// Reads a checkpoint and its signatures, which are not yet verified.
    pub fn parse(bytes: &[u8]) -> Result<(Self, SignedNote), CheckpointError> {
        let note = SignedNote::from_bytes(bytes).map_err(CheckpointError::Note)?;
        let checkpoint = Self::from_text(note.text()).ok_or(CheckpointError::Malformed)?;
        Ok((checkpoint, note))
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|origin| Anchor::is_origin(origin))?;
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size,
            root: Digest::from_bytes(root.try_into().ok()?),
        };
        (checkpoint.text() == text).then_some(checkpoint)
    }

    /// Returns the place in the log that the checkpoint names.
    pub const fn position(&self) -> LogPosition {
        LogPosition {
            size: self.size,
            root: self.root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of tlog-checkpoint and tlog-cosignature.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    #[test]
    fn reads_the_example_of_the_specification() {
        let (checkpoint, note) = Checkpoint::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(note.to_bytes(), EXAMPLE.as_bytes());
    }

    #[test]
    fn has_one_text() {
        for (from, to) in [
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", "20852163 "),
            ("20852163", "99999999999999999999"),
            ("q2I=", "q2J="),
            ("q2I=", "q2I"),
            ("q2I=\n", "q2I=\nextension\n"),
            ("example.com/behind", "example com/behind"),
        ] {
            let other = EXAMPLE.replacen(from, to, 1);
            assert_ne!(other, EXAMPLE);
            assert!(Checkpoint::parse(other.as_bytes()).is_err(), "{to}");
        }
    }
}
