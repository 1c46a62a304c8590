//! The text of a tree's record, read and written by several threads.
//!
//! ```text
//! bulla-tree 2 <64 hex of the release>
//! w                                                          nothing touched the tree since it was written
//! i  <inode> <size> <mtime> <ctime>                          the kept index, where it was checked
//! d  <inode> <size> <mtime> <ctime>           bin
//! l  <target>                                 bin/run
//! x  <inode> <size> <mtime> <ctime> <sha256>  bin/app        an executable file
//! -  <inode> <size> <mtime> <ctime> <sha256>  share/text     another file
//! end 4
//! ```
//!
//! Fields are separated by tabs, which paths cannot hold; times are nanoseconds.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use bulla_schemas::Digest;
use memchr::{memchr, memchr_iter};
use rayon::prelude::*;

use super::{RecordedDirectory, RecordedFile, RecordedLink, TreeRecord};
use crate::platform::files;
use crate::platform::stamp::Stamp;
use crate::state::error::StateError;

/// Most bytes of a record: a line for each entry of the largest index, and what stands beside it.
const MOST: u64 = 1024 * 1024 * 1024;

impl TreeRecord {
    /// Reads the record in `path`; `None` when there is none or it cannot be read, since it can
    /// always be made again from the tree and its bundle.
    pub(crate) fn read(path: &Path, hash: &Digest) -> Option<Self> {
        Self::from_text(&read_up_to(path, MOST)?).filter(|record| record.hash == *hash)
    }

    /// Reads the record when it has some of the wanted contents and at most so many bytes, which costs
    /// little where not.
    pub(crate) fn read_with_any(
        path: &Path,
        hash: &Digest,
        wanted: &HashSet<Digest>,
        most: u64,
    ) -> Option<Self> {
        if wanted.is_empty() {
            return None;
        }
        let text = read_up_to(path, most.min(MOST))?;
        let wanted: HashSet<String> = wanted.iter().map(Digest::hex).collect();
        let is_wanted = |line: &str| {
            split(line, b'\t')
                .nth(5)
                .is_some_and(|hex| wanted.contains(hex))
        };
        let has_some = |piece: &&str| split(piece, b'\n').any(is_wanted);
        if !pieces(&text).par_iter().any(has_some) {
            return None;
        }
        Self::from_text(&text).filter(|record| record.hash == *hash)
    }

    /// Writes the record durably.
    pub(crate) fn write(&self, path: &Path) -> Result<(), StateError> {
        Ok(files::write(path, self.to_text().as_bytes())?)
    }

    /// Writes the record; it is durable once its file system is synced.
    pub(crate) fn write_later(&self, path: &Path) -> Result<(), StateError> {
        Ok(files::write_later(path, self.to_text().as_bytes())?)
    }

    fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.len() * 180);
        let _ = writeln!(text, "bulla-tree 2 {}", self.hash.hex());
        if self.is_as_written {
            text.push_str("w\n");
        }
        if self.index != Stamp::NONE {
            let _ = writeln!(text, "i\t{}", Fields(&self.index));
        }
        for RecordedDirectory { path, stamp } in &self.directories {
            let _ = writeln!(text, "d\t{}\t{path}", Fields(stamp));
        }
        for RecordedLink { path, target } in &self.links {
            let _ = writeln!(text, "l\t{target}\t{path}");
        }
        let files: Vec<String> = self.files.par_chunks(1024).map(lines_of).collect();
        text.extend(files);
        let _ = writeln!(text, "end {}", self.len());
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        let (first, rest) = text.split_once('\n')?;
        let hash = Digest::from_hex(first.strip_prefix("bulla-tree 2 ")?).ok()?;
        let (lines, end) = rest.rsplit_once('\n').unwrap_or(("", rest));
        let entries = pieces(lines)
            .into_par_iter()
            .map(|piece| split(piece, b'\n').map(Entry::from_line).collect())
            .collect::<Option<Vec<Vec<_>>>>()?;
        let mut record = Self {
            hash,
            is_as_written: false,
            index: Stamp::NONE,
            directories: Vec::new(),
            links: Vec::new(),
            files: Vec::with_capacity(entries.iter().map(Vec::len).sum()),
        };
        for entry in entries.into_iter().flatten() {
            match entry {
                Entry::AsWritten => record.is_as_written = true,
                Entry::Index(stamp) => record.index = stamp,
                Entry::Directory(directory) => record.directories.push(directory),
                Entry::Link(link) => record.links.push(link),
                Entry::File(file) => record.files.push(file),
            }
        }
        let is_complete = end.strip_prefix("end ")?.parse() == Ok(record.len());
        let is_sorted = record
            .files
            .is_sorted_by(|left, right| left.path < right.path);
        (is_complete && is_sorted).then_some(record)
    }
}

fn read_up_to(path: &Path, most: u64) -> Option<String> {
    String::from_utf8(files::read_up_to(path, most).ok()??).ok()
}

enum Entry {
    AsWritten,
    Index(Stamp),
    Directory(RecordedDirectory),
    Link(RecordedLink),
    File(RecordedFile),
}

impl Entry {
    fn from_line(line: &str) -> Option<Self> {
        let mut fields = split(line, b'\t');
        let mut next = || fields.next();
        let entry = match next()? {
            "w" => Self::AsWritten,
            "i" => Self::Index(stamp(&mut next)?),
            "d" => Self::Directory(RecordedDirectory {
                stamp: stamp(&mut next)?,
                path: next()?.to_owned(),
            }),
            "l" => Self::Link(RecordedLink {
                target: next()?.to_owned(),
                path: next()?.to_owned(),
            }),
            kind @ ("x" | "-") => Self::File(RecordedFile {
                executable: kind == "x",
                stamp: stamp(&mut next)?,
                digest: Digest::from_hex(next()?).ok()?,
                path: next()?.to_owned(),
            }),
            _ => return None,
        };
        next().is_none().then_some(entry)
    }
}

fn stamp<'a>(mut next: impl FnMut() -> Option<&'a str>) -> Option<Stamp> {
    Some(Stamp {
        inode: next()?.parse().ok()?,
        size: next()?.parse().ok()?,
        mtime: nanoseconds(next()?)?,
        ctime: nanoseconds(next()?)?,
    })
}

/// Most times fit into 64 bits, which is much faster to read.
fn nanoseconds(text: &str) -> Option<i128> {
    let short = text.parse::<i64>().map(i128::from);
    short.or_else(|_| text.parse()).ok()
}

/// Cuts lines into pieces that several threads can read.
fn pieces(mut lines: &str) -> Vec<&str> {
    const PIECE: usize = 128 * 1024;
    let mut pieces = Vec::new();
    while let Some(rest) = lines.as_bytes().get(PIECE..)
        && let Some(end) = memchr(b'\n', rest)
    {
        pieces.push(&lines[..PIECE + end]);
        lines = &lines[PIECE + end + 1..];
    }
    if !lines.is_empty() {
        pieces.push(lines);
    }
    pieces
}

/// Splits a text at an ASCII character, several times as fast as [`str::split`] does.
fn split(text: &str, at: u8) -> impl Iterator<Item = &str> {
    let ends = memchr_iter(at, text.as_bytes()).chain([text.len()]);
    ends.scan(0, |start, end| {
        let part = &text[*start..end];
        *start = end + 1;
        Some(part)
    })
}

fn lines_of(files: &[RecordedFile]) -> String {
    let mut text = String::with_capacity(files.len() * 200);
    for file in files {
        let kind = if file.executable { 'x' } else { '-' };
        let (stamp, digest) = (Fields(&file.stamp), file.digest.hex());
        let _ = writeln!(text, "{kind}\t{stamp}\t{digest}\t{}", file.path);
    }
    text
}

struct Fields<'a>(&'a Stamp);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp {
            inode,
            size,
            mtime,
            ctime,
        } = self.0;
        write!(formatter, "{inode}\t{size}")?;
        for time in [mtime, ctime] {
            match i64::try_from(*time) {
                Ok(short) => write!(formatter, "\t{short}")?,
                Err(_) => write!(formatter, "\t{time}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let text = record().to_text();
        assert_eq!(TreeRecord::from_text(&text), Some(record()));
        let empty = TreeRecord {
            is_as_written: false,
            index: Stamp::NONE,
            directories: Vec::new(),
            links: Vec::new(),
            files: Vec::new(),
            ..record()
        };
        assert_eq!(TreeRecord::from_text(&empty.to_text()), Some(empty));
    }

    #[test]
    fn a_record_of_many_files_and_far_times_is_read_whole() {
        let mut record = record();
        let far = i128::from(i64::MAX) + 7;
        record.files = (0..5000)
            .map(|number| RecordedFile {
                path: format!("share/{number:05}/ü"),
                executable: number % 3 == 0,
                stamp: Stamp {
                    inode: number,
                    size: number * 7,
                    mtime: if number % 2 == 0 { far } else { -far },
                    ctime: i128::from(number),
                },
                digest: Digest::of(&number.to_le_bytes()),
            })
            .collect();
        let text = record.to_text();
        let lines = text.trim_end();
        assert!(pieces(lines).len() > 3);
        assert_eq!(pieces(lines).join("\n"), lines);
        assert_eq!(TreeRecord::from_text(&text), Some(record));
    }

    #[test]
    fn a_record_cut_anywhere_is_none() {
        let text = record().to_text();
        for end in 0..text.len() {
            assert_eq!(TreeRecord::from_text(&text[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn a_record_is_only_read_for_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let record = record();
        record.write(&path).unwrap();
        let read = |contents: &[&[u8]], most| {
            let wanted = contents.iter().map(|content| Digest::of(content)).collect();
            TreeRecord::read_with_any(&path, &record.hash, &wanted, most)
        };
        let size = record.to_text().len() as u64;
        assert_eq!(read(&[b"xyz", b"def"], size).as_ref(), Some(&record));
        assert_eq!(read(&[b"xyz", b"def"], size - 1), None);
        assert_eq!(read(&[b"xyz"], size), None);
        assert_eq!(read(&[], size), None);
    }
}
