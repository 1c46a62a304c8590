//! Learns the content of every file of a plan: from what is known, else by reading it.

use std::io::{self, Read as _};

use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::{Digest, release};
use sha2::{Digest as _, Sha256};

use super::error::WriteError;
use super::plan::{Plan, PlannedEntry, PlannedKind};
use crate::limits::Limits;
use crate::source::{Content, SourceTree};

/// Bytes read at once from a file that is streamed.
const PIECE: usize = 256 * 1024;

/// Returns the plan as the index will have it.
pub(super) fn survey(
    tree: &dyn SourceTree,
    plan: &Plan,
    limits: &Limits,
) -> Result<Vec<IndexEntry>, WriteError> {
    let mut entries = Vec::with_capacity(plan.entries().len());
    for planned in plan.entries() {
        let kind = match &planned.kind {
            PlannedKind::Directory => EntryKind::Directory,
            PlannedKind::Link { target } => EntryKind::Link {
                target: target.clone(),
            },
            PlannedKind::File {
                executable,
                position,
                known,
            } => {
                let content = match known {
                    Some(content) => *content,
                    None => read(tree, planned, *position)?,
                };
                limits.check_file_size(&planned.path, content.size)?;
                EntryKind::File {
                    executable: *executable,
                    size: content.size,
                    digest: content.digest,
                }
            }
        };
        entries.push(IndexEntry {
            path: planned.path.clone(),
            kind,
        });
    }
    Ok(entries)
}

fn read(
    tree: &dyn SourceTree,
    planned: &PlannedEntry,
    position: usize,
) -> Result<release::Content, WriteError> {
    digest(tree, position).map_err(|source| WriteError::Read {
        path: planned.path.clone(),
        source,
    })
}

fn digest(tree: &dyn SourceTree, position: usize) -> io::Result<release::Content> {
    let (mut reader, announced) = match tree.content(position)? {
        Content::Memory(bytes) => {
            return Ok(release::Content {
                digest: Digest::of(&bytes),
                size: bytes.len() as u64,
            });
        }
        Content::Stream { size, reader } => (reader, size),
    };
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    // One byte more than announced is enough to find a lie.
    let mut limited = (&mut reader).take(announced.saturating_add(1));
    loop {
        match limited.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => {
                digest.update(&piece[..len]);
                size += len as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if size == announced {
        Ok(release::Content {
            digest: digest.finalize().into(),
            size,
        })
    } else {
        Err(io::Error::other(format!(
            "expected {announced} bytes, found {size}"
        )))
    }
}
