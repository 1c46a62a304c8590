//! What a log asks a witness (C2SP tlog-witness, `add-checkpoint`).
//!
//! ```text
//! old <size that the witness cosigned last>
//! <consistency proof, a hash in base64 a line>
//! <empty line>
//! <checkpoint>
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::Digest;

/// The path behind a witness's address.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";
/// The media type of the size that a witness answers where it knows another one.
pub const SIZE_TYPE: &str = "text/x.tlog.size";
/// Most hashes in a proof.
pub const MOST_HASHES: usize = 63;
/// Most bytes of a request.
pub const MAX_REQUEST_SIZE: usize = crate::note::MAX_SIZE + 4096;

/// A checkpoint for a witness to cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that it cosigned last.
    pub old_size: u64,
    /// The proof that the tree of the checkpoint goes on from that one.
    pub proof: Vec<Digest>,
    /// The signed note, not yet read.
    pub checkpoint: Vec<u8>,
}

impl AddCheckpoint {
    /// Writes the request.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        [text.as_bytes(), &self.checkpoint].concat()
    }

    /// Reads a request; nothing where it has another form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_REQUEST_SIZE {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?;
        let old_size = old.parse().ok()?;
        let proof = lines.map(hash).collect::<Option<Vec<_>>>()?;
        let request = Self {
            old_size,
            proof,
            checkpoint: checkpoint.as_bytes().to_vec(),
        };
        // Numbers and hashes have one form each.
        let is_canonical = request.to_bytes() == bytes;
        (is_canonical && request.proof.len() <= MOST_HASHES).then_some(request)
    }
}

fn hash(line: &str) -> Option<Digest> {
    let bytes = STANDARD.decode(line).ok()?;
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}
