//! Checks a whole tar, as it streams by, against the index that describes it.
//!
//! This is where a lie in a header is caught: a device, a set-id bit, a hard link, a record that
//! overrides a path are all bytes that the index does not imply.

use std::slice;

use bulla_schemas::index::{EntryKind, IndexEntry};
use bulla_schemas::{Digest, EntryPath};
use sha2::{Digest as _, Sha256};

use super::block::{BLOCK, END, padding};
use super::header::{Header, differing_field};

/// Why a tar is not the one that the index describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// Another header than the entry implies: another kind, mode, owner, time, size or name.
    #[error(
        "the header of `{path}` in the tar is not the one that its entry implies: `{field}` differs"
    )]
    Header {
        /// The entry.
        path: EntryPath,
        /// The first field of the header that differs.
        field: &'static str,
    },
    /// Another content.
    #[error("the index says that `{path}` is {expected}, the tar holds {found}")]
    Content {
        /// The file.
        path: EntryPath,
        /// What the index says.
        expected: Digest,
        /// What the tar holds.
        found: Digest,
    },
    /// Something else than zeros after a content.
    #[error("the tar hides bytes behind the content of `{path}`")]
    Padding {
        /// The file.
        path: EntryPath,
    },
    /// Something else than zeros at the end.
    #[error("the tar does not end with two blocks of zeros")]
    End,
    /// More or fewer bytes than the release document says.
    #[error("the release document says that the tar has {expected} bytes, found {found}")]
    Size {
        /// What the release document says.
        expected: u64,
        /// The size, or where reading stopped.
        found: u64,
    },
}

/// A check that is under way.
#[derive(Debug)]
pub(crate) struct TarCheck<'a> {
    /// The bytes that the tar must have.
    size: u64,
    entries: slice::Iter<'a, IndexEntry>,
    passed: u64,
    state: State<'a>,
}

/// What must come next.
#[derive(Debug)]
enum State<'a> {
    Header {
        entry: &'a IndexEntry,
        expected: Vec<u8>,
        at: usize,
    },
    Content {
        file: File<'a>,
        left: u64,
        hasher: Sha256,
    },
    Padding {
        file: File<'a>,
        left: usize,
    },
    End {
        left: usize,
    },
}

#[derive(Debug, Clone, Copy)]
struct File<'a> {
    path: &'a EntryPath,
    size: u64,
    digest: Digest,
}

impl<'a> TarCheck<'a> {
    /// Begins to check the tar that these entries describe.
    pub(crate) fn new(entries: &'a [IndexEntry], size: u64) -> Self {
        let mut entries = entries.iter();
        Self {
            size,
            state: State::next(&mut entries),
            entries,
            passed: 0,
        }
    }

    /// Checks the next bytes of the tar.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) -> Result<(), TarError> {
        self.passed += bytes.len() as u64;
        if self.passed > self.size {
            return Err(self.wrong_size());
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes)?;
        }
        Ok(())
    }

    /// Ends the check: nothing may be missing.
    pub(crate) fn finish(self) -> Result<(), TarError> {
        if self.passed != self.size {
            return Err(self.wrong_size());
        }
        if !matches!(self.state, State::End { left: 0 }) {
            return Err(TarError::End);
        }
        Ok(())
    }

    fn wrong_size(&self) -> TarError {
        TarError::Size {
            expected: self.size,
            found: self.passed,
        }
    }

    /// Checks bytes up to the end of what must come next, and returns the rest.
    fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], TarError> {
        match &mut self.state {
            State::Header {
                entry,
                expected,
                at,
            } => {
                let (now, rest) = bytes.split_at(bytes.len().min(expected.len() - *at));
                check_header(entry, expected, *at, now)?;
                *at += now.len();
                if *at == expected.len() {
                    self.state = State::after_header(entry, &mut self.entries)?;
                }
                Ok(rest)
            }
            State::Content { file, left, hasher } => {
                let (now, rest) = split_at_most(bytes, *left);
                hasher.update(now);
                *left -= now.len() as u64;
                if *left == 0 {
                    let found = Digest::from(hasher.finalize_reset());
                    self.state = State::after_content(*file, found, &mut self.entries)?;
                }
                Ok(rest)
            }
            State::Padding { file, left } => {
                let (now, rest) = split_at_most(bytes, *left as u64);
                if now.iter().any(|byte| *byte != 0) {
                    let path = file.path.clone();
                    return Err(TarError::Padding { path });
                }
                *left -= now.len();
                if *left == 0 {
                    self.state = State::next(&mut self.entries);
                }
                Ok(rest)
            }
            State::End { left } => {
                if bytes.len() > *left || bytes.iter().any(|byte| *byte != 0) {
                    return Err(TarError::End);
                }
                *left -= bytes.len();
                Ok(&[])
            }
        }
    }
}

impl<'a> State<'a> {
    fn next(entries: &mut slice::Iter<'a, IndexEntry>) -> Self {
        match entries.next() {
            None => Self::End { left: END.len() },
            Some(entry) => {
                let mut expected = Vec::with_capacity(BLOCK);
                Header::of(entry).write(&mut expected);
                Self::Header {
                    entry,
                    expected,
                    at: 0,
                }
            }
        }
    }

    fn after_header(
        entry: &'a IndexEntry,
        entries: &mut slice::Iter<'a, IndexEntry>,
    ) -> Result<Self, TarError> {
        let EntryKind::File { size, digest, .. } = entry.kind else {
            return Ok(Self::next(entries));
        };
        let file = File {
            path: &entry.path,
            size,
            digest,
        };
        match size {
            0 => Self::after_content(file, Digest::of(b""), entries),
            left => Ok(Self::Content {
                file,
                left,
                hasher: Sha256::new(),
            }),
        }
    }

    fn after_content(
        file: File<'a>,
        found: Digest,
        entries: &mut slice::Iter<'a, IndexEntry>,
    ) -> Result<Self, TarError> {
        if found != file.digest {
            return Err(TarError::Content {
                path: file.path.clone(),
                expected: file.digest,
                found,
            });
        }
        match padding(file.size) {
            0 => Ok(Self::next(entries)),
            left => Ok(Self::Padding { file, left }),
        }
    }
}

/// Compares a part of an entry's header, which begins `at` bytes into it.
pub(crate) fn check_header(
    entry: &IndexEntry,
    expected: &[u8],
    at: usize,
    found: &[u8],
) -> Result<(), TarError> {
    if expected[at..at + found.len()] == *found {
        return Ok(());
    }
    // Compare the block in which they differ; what is not there yet counts as expected.
    let mut whole = expected.to_vec();
    whole[at..at + found.len()].copy_from_slice(found);
    let blocks = expected.chunks(BLOCK).zip(whole.chunks(BLOCK));
    let records = expected.len() - BLOCK;
    let field = blocks
        .enumerate()
        .find(|(_, (expected, found))| expected != found)
        .map_or("padding", |(position, (expected, found))| {
            let is_record = (BLOCK..records).contains(&(position * BLOCK));
            if is_record {
                "record"
            } else {
                differing_field(expected, found)
            }
        });
    Err(TarError::Header {
        path: entry.path.clone(),
        field,
    })
}

fn split_at_most(bytes: &[u8], most: u64) -> (&[u8], &[u8]) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    bytes.split_at(bytes.len().min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar() -> (Vec<IndexEntry>, Vec<u8>) {
        let file = IndexEntry {
            path: "a".parse().unwrap(),
            kind: EntryKind::File {
                executable: false,
                size: 3,
                digest: Digest::of(b"abc"),
            },
        };
        let empty = IndexEntry {
            path: "b".parse().unwrap(),
            kind: EntryKind::File {
                executable: false,
                size: 0,
                digest: Digest::of(b""),
            },
        };
        let mut tar = Vec::new();
        Header::of(&file).write(&mut tar);
        tar.extend_from_slice(b"abc");
        tar.resize(1024, 0);
        Header::of(&empty).write(&mut tar);
        tar.extend_from_slice(&END);
        (vec![file, empty], tar)
    }

    fn check(entries: &[IndexEntry], tar: &[u8], piece: usize) -> Result<(), TarError> {
        let mut check = TarCheck::new(entries, tar.len() as u64);
        for piece in tar.chunks(piece) {
            check.update(piece)?;
        }
        check.finish()
    }

    #[test]
    fn takes_the_tar_in_pieces_of_any_size() {
        let (entries, tar) = tar();
        for piece in [1, 3, 511, 512, 513, 10_000] {
            assert_eq!(check(&entries, &tar, piece), Ok(()));
        }
    }

    #[test]
    fn every_byte_of_the_tar_counts() {
        let (entries, tar) = tar();
        for position in 0..tar.len() {
            let mut other = tar.clone();
            other[position] ^= 0x40;
            assert!(check(&entries, &other, 700).is_err(), "byte {position}");
        }
        for len in [0, 512, tar.len() - 1] {
            assert!(check(&entries, &tar[..len], 700).is_err());
        }
        let longer = [&tar[..], &[0; 512]].concat();
        assert_eq!(check(&entries, &longer, 512), Err(TarError::End));
    }
}
