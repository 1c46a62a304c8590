//! `Record`: the last pack of a project, without its bytes.

use bulla_bundle::{Bundle, Previous};
use bulla_schemas::frames::FrameRecord;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::release::Content;
use bulla_schemas::{Digest, EntryPath, LinkTarget};
use serde::{Deserialize, Serialize};

use crate::source::ContentId;

/// What is written in front; changes with the form.
const MAGIC: &[u8] = b"bulla-pack-record 2\n";
/// Most bytes of a record: as many entries as a bundle may have, with long paths.
pub(super) const MAX_LEN: u64 = 1024 * 1024 * 1024;

/// What the last pack of a project left.
#[derive(Debug)]
pub struct Record {
    /// The hash of the bundle.
    pub hash: Digest,
    /// Its entries and frames.
    pub previous: Previous,
    /// For each entry, the name that version control has for its content.
    ids: Vec<Option<ContentId>>,
}

/// A file of the last pack.
#[derive(Debug, Clone, Copy)]
pub struct KnownFile<'a> {
    /// Where it lay.
    pub path: &'a EntryPath,
    /// The name that version control has for its content.
    pub id: ContentId,
    /// The content.
    pub content: Content,
}

/// What the file begins with, in postcard, <https://postcard.jamesmunns.com>. All entries and then
/// all frames follow, each on its own, so that a large list is never in memory twice.
#[derive(Serialize, Deserialize)]
struct Header {
    hash: [u8; 32],
    entries: usize,
    frames: usize,
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
pub(super) fn to_bytes<'a>(
    bundle: &Bundle,
    ids: impl Iterator<Item = (&'a EntryPath, ContentId)>,
) -> Vec<u8> {
    let (entries, frames) = (bundle.entries(), bundle.payload_frames());
    let header = Header {
        hash: *bundle.hash().as_bytes(),
        entries: entries.len(),
        frames: frames.len(),
    };
    let mut bytes = push(MAGIC.to_vec(), &header);
    let mut ids = ids.peekable();
    for entry in entries {
        while ids.next_if(|(path, _)| *path < &entry.path).is_some() {}
        let id = ids.next_if(|(path, _)| *path == &entry.path);
        bytes = push(bytes, &StoredEntry::of(entry, id.map(|(_, id)| id)));
    }
    for frame in frames {
        bytes = push(bytes, &StoredFrame::of(frame));
    }
    bytes
}

/// Infallible: only lists, strings and numbers, into memory.
fn push(bytes: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, bytes).unwrap_or_default()
}

impl Record {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (header, mut rest): (Header, _) =
            postcard::take_from_bytes(bytes.strip_prefix(MAGIC)?).ok()?;
        // Each takes at least one byte.
        let capacity = header.entries.min(rest.len());
        let mut entries = Vec::with_capacity(capacity);
        let mut ids = Vec::with_capacity(capacity);
        for _ in 0..header.entries {
            let (stored, after): (StoredEntry<'_>, _) = postcard::take_from_bytes(rest).ok()?;
            let (entry, id) = stored.read()?;
            entries.push(entry);
            ids.push(id);
            rest = after;
        }
        let mut payload = Vec::with_capacity(header.frames.min(rest.len()));
        for _ in 0..header.frames {
            let (stored, after): (StoredFrame, _) = postcard::take_from_bytes(rest).ok()?;
            payload.push(stored.read());
            rest = after;
        }
        Some(Self {
            hash: Digest::from_bytes(header.hash),
            previous: Previous { entries, payload },
            ids,
        })
    }

    /// Returns the files whose contents have a name, in order.
    pub fn files(&self) -> impl Iterator<Item = KnownFile<'_>> {
        let entries = self.previous.entries.iter().zip(&self.ids);
        entries.filter_map(|(entry, id)| match entry.kind {
            EntryKind::File { size, digest, .. } => Some(KnownFile {
                path: &entry.path,
                id: (*id)?,
                content: Content { digest, size },
            }),
            EntryKind::Directory | EntryKind::Link { .. } => None,
        })
    }
}

impl<'a> StoredEntry<'a> {
    fn of(entry: &'a IndexEntry, id: Option<ContentId>) -> Self {
        let kind = match &entry.kind {
            EntryKind::Directory => StoredKind::Directory,
            EntryKind::File {
                executable,
                size,
                digest,
            } => StoredKind::File {
                executable: *executable,
                size: *size,
                digest: *digest.as_bytes(),
                id,
            },
            EntryKind::Link { target } => StoredKind::Link {
                target: target.as_str(),
            },
        };
        Self {
            path: entry.path.as_str(),
            kind,
        }
    }

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
    const fn of(frame: &FrameRecord) -> Self {
        Self {
            compressed_size: frame.compressed_size,
            size: frame.size,
            compressed_digest: *frame.compressed_digest.as_bytes(),
            digest: *frame.digest.as_bytes(),
        }
    }

    const fn read(&self) -> FrameRecord {
        FrameRecord {
            compressed_size: self.compressed_size,
            size: self.size,
            compressed_digest: Digest::from_bytes(self.compressed_digest),
            digest: Digest::from_bytes(self.digest),
        }
    }
}
