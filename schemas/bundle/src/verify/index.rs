//! The index: its digest, its lines, the rules for entries, and what the release document says of
//! them.

use bulla_schemas::Digest;
use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::release::ReleaseDocument;
use memchr::memchr_iter;
use rayon::prelude::*;

use super::error::VerifyError;
use crate::canonical::{self, TarSpan};
use crate::limits::Limits;
use crate::rules::{self, TreeError};

/// Reads the entries of an index that belongs to `release`, and where they lie in its tar.
pub(super) fn verify(
    index: &[u8],
    release: &ReleaseDocument,
    limits: &Limits,
) -> Result<(Vec<IndexEntry>, Vec<TarSpan>), VerifyError> {
    let (digest, entries) = rayon::join(|| check_digest(index, release), || read(index, limits));
    digest?;
    let entries = entries?;
    let (checked, layout) = rayon::join(
        || check_entries(&entries, release, limits),
        || layout(&entries, release),
    );
    checked?;
    Ok((entries, layout?))
}

fn check_entries(
    entries: &[IndexEntry],
    release: &ReleaseDocument,
    limits: &Limits,
) -> Result<(), VerifyError> {
    rules::check_entries(
        entries
            .iter()
            .map(|entry| (&entry.path, matches!(entry.kind, EntryKind::Directory))),
        &release.install,
        limits,
    )?;
    check_files(entries, release, limits)
}

/// Checks that an index is the one that the release names.
pub(super) fn check_digest(index: &[u8], release: &ReleaseDocument) -> Result<(), VerifyError> {
    let found = Digest::of(index);
    if found == release.index.digest {
        return Ok(());
    }
    Err(VerifyError::IndexDigest {
        expected: release.index.digest,
        found,
    })
}

/// Returns where the entries lie in a tar that must have the size of the release's.
fn layout(entries: &[IndexEntry], release: &ReleaseDocument) -> Result<Vec<TarSpan>, VerifyError> {
    let expected = release.tar;
    match canonical::layout(entries) {
        Some((spans, size)) if size == expected => Ok(spans),
        other => Err(VerifyError::TarSize {
            expected,
            found: other.map_or(u64::MAX, |(_, size)| size),
        }),
    }
}

fn read(index: &[u8], limits: &Limits) -> Result<Vec<IndexEntry>, VerifyError> {
    if index.is_empty() {
        return Err(TreeError::Empty.into());
    }
    let text = index
        .strip_suffix(b"\n")
        .ok_or(VerifyError::UnterminatedIndex)?;
    let mut lines = Vec::new();
    let mut start = 0;
    let ends = memchr_iter(b'\n', text).chain([text.len()]);
    for (number, end) in (1_u64..).zip(ends) {
        limits.check_entries(number)?;
        lines.push(&text[start..end]);
        start = end + 1;
    }
    let entries: Option<_> = lines
        .par_iter()
        .map(|line| IndexEntry::from_line(line).ok())
        .collect();
    entries.map_or_else(|| read_in_order(&lines), Ok)
}

/// Reads lines up to the first that is wrong, which is always the same one.
fn read_in_order(lines: &[&[u8]]) -> Result<Vec<IndexEntry>, VerifyError> {
    let numbered = (1_u64..).zip(lines);
    numbered
        .map(|(line, bytes)| {
            IndexEntry::from_line(bytes).map_err(|source| VerifyError::IndexLine { line, source })
        })
        .collect()
}

fn check_files(
    entries: &[IndexEntry],
    release: &ReleaseDocument,
    limits: &Limits,
) -> Result<(), VerifyError> {
    let (mut files, mut bytes) = (0_u64, 0_u64);
    for entry in entries {
        if let EntryKind::File { size, .. } = entry.kind {
            limits.check_file_size(&entry.path, size)?;
            files += 1;
            bytes = bytes.saturating_add(size);
        }
    }
    if files != release.files {
        return Err(VerifyError::Files {
            expected: release.files,
            found: files,
        });
    }
    if bytes != release.bytes {
        return Err(VerifyError::Bytes {
            expected: release.bytes,
            found: bytes,
        });
    }
    Ok(())
}
