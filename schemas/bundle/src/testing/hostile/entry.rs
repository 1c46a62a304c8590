//! `ForgedEntry`: a line of the index, a header and a content that need not fit each other, nor
//! any rule.

use bulla_schemas::Digest;

use crate::canonical::{BLOCK, Header, padding, seal};

/// An entry of a forged bundle.
#[derive(Debug, Clone)]
pub struct ForgedEntry {
    /// Its line in the index, with the line feed.
    pub line: String,
    /// Its header in the tar, an extended one in front where needed.
    pub header: Vec<u8>,
    /// Its content in the tar.
    pub content: Vec<u8>,
    /// Whether the release document counts it as a file.
    pub is_file: bool,
}

impl ForgedEntry {
    /// A directory.
    pub fn directory(path: &str) -> Self {
        Self {
            line: format!("{{\"p\":{},\"t\":\"d\"}}\n", json(path)),
            header: bytes(Header::directory(path)),
            content: Vec::new(),
            is_file: false,
        }
    }

    /// A file that cannot be executed.
    pub fn file(path: &str, content: &[u8]) -> Self {
        Self::any_file(path, false, content)
    }

    /// A file that can be executed.
    pub fn executable(path: &str, content: &[u8]) -> Self {
        Self::any_file(path, true, content)
    }

    /// A symbolic link.
    pub fn link(path: &str, target: &str) -> Self {
        Self {
            line: format!(
                "{{\"p\":{},\"t\":\"l\",\"l\":{}}}\n",
                json(path),
                json(target)
            ),
            header: bytes(Header::link(path, target)),
            content: Vec::new(),
            is_file: false,
        }
    }

    fn any_file(path: &str, executable: bool, content: &[u8]) -> Self {
        let size = content.len() as u64;
        Self {
            line: format!(
                "{{\"p\":{},\"t\":\"f\",{}\"s\":{size},\"d\":\"{}\"}}\n",
                json(path),
                if executable { "\"x\":true," } else { "" },
                Digest::of(content).hex()
            ),
            header: bytes(Header::file(path, executable, size)),
            content: content.to_vec(),
            is_file: true,
        }
    }

    /// Writes `value` into the last 512 bytes of the header and makes its checksum fit.
    #[must_use]
    pub fn with_field(mut self, offset: usize, value: &[u8]) -> Self {
        let start = self.header.len() - BLOCK;
        let block = &mut self.header[start..];
        block[offset..offset + value.len()].copy_from_slice(value);
        sealed(block);
        self
    }

    /// Puts an extended header with these records in front of the header.
    #[must_use]
    pub fn with_records(self, records: &str) -> Self {
        self.behind(b'x', records.as_bytes())
    }

    /// Puts an entry of another type, with this content, in front of the header.
    #[must_use]
    pub fn behind(mut self, kind: u8, content: &[u8]) -> Self {
        let size = content.len() as u64;
        let mut front = bytes(Header::extended(size));
        set_type(&mut front, kind);
        front.extend_from_slice(content);
        front.resize(front.len() + padding(size), 0);
        self.header.splice(0..0, front);
        self
    }

    /// Gives the first of several headers another type.
    #[must_use]
    pub fn with_first_type(mut self, kind: u8) -> Self {
        set_type(&mut self.header[..BLOCK], kind);
        self
    }

    /// Returns the entry as it stands in the tar.
    pub(super) fn tar(&self) -> Vec<u8> {
        let mut tar = self.header.clone();
        tar.extend_from_slice(&self.content);
        tar.resize(tar.len() + padding(self.content.len() as u64), 0);
        tar
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn bytes(header: Header<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes
}

fn set_type(block: &mut [u8], kind: u8) {
    block[156] = kind;
    sealed(block);
}

/// Makes the checksum of a header fit.
fn sealed(block: &mut [u8]) {
    let mut header = tar::Header::from_byte_slice(block).clone();
    seal(&mut header);
    block.copy_from_slice(header.as_bytes());
}
