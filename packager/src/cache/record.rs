//! `Record`: the last pack of a project, without its bytes.

use bulla_bundle::{Bundle, Previous};
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::release::Content;
use bulla_schemas::{Digest, LinkTarget};
use foldhash::{HashMap, HashMapExt as _};
use serde::{Deserialize, Serialize};

use crate::source::ContentId;

/// What is written in front; changes with the form.
const MAGIC: &[u8] = b"bulla-pack-record 1\n";
/// Most bytes of a record: as many entries as a bundle may have, with long paths.
pub(super) const MAX_LEN: u64 = 1024 * 1024 * 1024;

/// What the last pack of a project left.
#[derive(Debug)]
pub struct Record {
    /// The hash of the bundle.
    pub hash: Digest,
    /// The contents of its files, by the names that version control has for them.
    pub known: HashMap<ContentId, Content>,
    /// Its entries and frames.
    pub previous: Previous,
}

/// The file: postcard, <https://postcard.jamesmunns.com>.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    hash: [u8; 32],
    #[serde(borrow)]
    entries: Vec<StoredEntry<'a>>,
    frames: Vec<StoredFrame>,
}

#[derive(Serialize, Deserialize)]
struct StoredEntry<'a> {
    path: &'a str,
    #[serde(borrow)]
    kind: StoredKind<'a>,
}

#[derive(Serialize, Deserialize)]
enum StoredKind<'a> {
    Directory,
    File {
        executable: bool,
        size: u64,
        digest: [u8; 32],
        id: Option<ContentId>,
    },
    Link {
        target: &'a str,
    },
}

#[derive(Serialize, Deserialize)]
struct StoredFrame {
    compressed_size: u64,
    size: u64,
    compressed_digest: [u8; 32],
    digest: [u8; 32],
}

/// Writes what the next pack needs of this one.
pub(super) fn to_bytes(bundle: &Bundle, id: impl Fn(usize) -> Option<ContentId>) -> Vec<u8> {
    let entries = bundle.entries().iter().enumerate();
    let stored = Stored {
        hash: *bundle.hash().as_bytes(),
        entries: entries
            .map(|(position, entry)| StoredEntry {
                path: entry.path.as_str(),
                kind: match &entry.kind {
                    EntryKind::Directory => StoredKind::Directory,
                    EntryKind::File {
                        executable,
                        size,
                        digest,
                    } => StoredKind::File {
                        executable: *executable,
                        size: *size,
                        digest: *digest.as_bytes(),
                        id: id(position),
                    },
                    EntryKind::Link { target } => StoredKind::Link {
                        target: target.as_str(),
                    },
                },
            })
            .collect(),
        frames: bundle
            .payload_frames()
            .iter()
            .map(|frame| StoredFrame {
                compressed_size: frame.compressed_size,
                size: frame.size,
                compressed_digest: *frame.compressed_digest.as_bytes(),
                digest: *frame.digest.as_bytes(),
            })
            .collect(),
    };
    // Infallible: only lists, strings and numbers, into memory.
    postcard::to_extend(&stored, MAGIC.to_vec()).unwrap_or_default()
}

impl Record {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Stored<'_> = postcard::from_bytes(bytes.strip_prefix(MAGIC)?).ok()?;
        let mut known = HashMap::with_capacity(stored.entries.len());
        let mut entries = Vec::with_capacity(stored.entries.len());
        for entry in &stored.entries {
            let (entry, id) = entry.read()?;
            if let (Some(id), EntryKind::File { size, digest, .. }) = (id, &entry.kind) {
                let (size, digest) = (*size, *digest);
                known.insert(id, Content { digest, size });
            }
            entries.push(entry);
        }
        let payload = stored.frames.iter().map(StoredFrame::read).collect();
        Some(Self {
            hash: Digest::from_bytes(stored.hash),
            known,
            previous: Previous { entries, payload },
        })
    }
}

impl StoredEntry<'_> {
    fn read(&self) -> Option<(IndexEntry, Option<ContentId>)> {
        let path = self.path.parse().ok()?;
        let (kind, id) = match &self.kind {
            StoredKind::Directory => (EntryKind::Directory, None),
            StoredKind::File {
                executable,
                size,
                digest,
                id,
            } => {
                let digest = Digest::from_bytes(*digest);
                let file = EntryKind::File {
                    executable: *executable,
                    size: *size,
                    digest,
                };
                (file, *id)
            }
            StoredKind::Link { target } => {
                let target = LinkTarget::new(target, &path).ok()?;
                (EntryKind::Link { target }, None)
            }
        };
        Some((IndexEntry { path, kind }, id))
    }
}

impl StoredFrame {
    const fn read(&self) -> FrameRecord {
        FrameRecord {
            compressed_size: self.compressed_size,
            size: self.size,
            compressed_digest: Digest::from_bytes(self.compressed_digest),
            digest: Digest::from_bytes(self.digest),
        }
    }
}
