//! The text of a tree's record. It is read in place: the record keeps the text, and its paths are
//! parts of that.
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
use std::ops::Range;
use std::path::Path;

use bulla_schemas::Digest;
use memchr::{memchr, memchr_iter};
use rayon::prelude::*;

use super::{File, Part, RecordedDirectory, RecordedFile, RecordedLink, TreeRecord};
use crate::platform::files;
use crate::platform::stamp::Stamp;
use crate::state::error::StateError;

/// Most bytes of a record: a line for each entry of the largest index, and what stands beside it.
const MOST: u64 = 1024 * 1024 * 1024;
/// How many bytes of a line are no path.
const LINE: usize = 130;

impl TreeRecord {
    /// Reads the record in `path`; `None` when there is none or it cannot be read, since it can
    /// always be made again from the tree and its bundle.
    pub(crate) fn read(path: &Path, hash: &Digest) -> Option<Self> {
        Self::from_text(read_up_to(path, MOST)?).filter(|record| record.hash == *hash)
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
        Self::from_text(text).filter(|record| record.hash == *hash)
    }

    /// Writes the record durably.
    pub(crate) fn write(&self, path: &Path) -> Result<(), StateError> {
        Ok(files::write(path, &self.to_text())?)
    }

    /// Writes the record; it is durable once its file system is synced.
    pub(crate) fn write_later(&self, path: &Path) -> Result<(), StateError> {
        Ok(files::write_later(path, &self.to_text())?)
    }

    fn to_text(&self) -> Vec<u8> {
        let room = self.text.len() + (self.len() + 3) * LINE;
        let mut lines = Lines(Vec::with_capacity(room));
        lines.0.extend_from_slice(b"bulla-tree 2 ");
        self.hash.write_hex(&mut lines.0);
        lines.end();
        if self.is_as_written {
            lines.0.push(b'w');
            lines.end();
        }
        if self.index != Stamp::NONE {
            lines.0.push(b'i');
            lines.stamp(&self.index);
            lines.end();
        }
        for RecordedDirectory { path, stamp } in self.directories() {
            lines.0.push(b'd');
            lines.stamp(&stamp);
            lines.field(path);
            lines.end();
        }
        for RecordedLink { path, target } in self.links() {
            lines.0.push(b'l');
            lines.field(target);
            lines.field(path);
            lines.end();
        }
        for RecordedFile {
            path,
            executable,
            stamp,
            digest,
        } in self.files()
        {
            lines.0.push(if executable { b'x' } else { b'-' });
            lines.stamp(&stamp);
            lines.0.push(b'\t');
            digest.write_hex(&mut lines.0);
            lines.field(path);
            lines.end();
        }
        lines.0.extend_from_slice(b"end ");
        lines.number(self.len());
        lines.end();
        lines.0
    }

    fn from_text(text: String) -> Option<Self> {
        let whole = text.strip_suffix('\n')?;
        let (first, _) = whole.split_once('\n')?;
        let hash = Digest::from_hex(first.strip_prefix("bulla-tree 2 ")?).ok()?;
        let mut record = Self {
            hash,
            is_as_written: false,
            index: Stamp::NONE,
            text: String::new(),
            directories: Vec::new(),
            links: Vec::new(),
            files: Vec::with_capacity(text.len() / LINE),
        };
        let (start, last) = (first.len() + 1, whole.rfind('\n')? + 1);
        if last > start {
            for line in ranges(text.as_bytes(), b'\n', start..last - 1) {
                record.read_line(&text, line)?;
            }
        }
        let is_complete = whole[last..].strip_prefix("end ")?.parse() == Ok(record.len());
        record.text = text;
        let path = |file: &File| file.path.of(&record.text);
        let is_sorted = record
            .files
            .is_sorted_by(|left, right| path(left) < path(right));
        (is_complete && is_sorted).then_some(record)
    }

    fn read_line(&mut self, text: &str, line: Range<usize>) -> Option<()> {
        let mut fields = ranges(text.as_bytes(), b'\t', line).map(Part::from);
        let mut next = || fields.next();
        match next()?.of(text) {
            "w" => self.is_as_written = true,
            "i" => self.index = stamp(text, &mut next)?,
            "d" => {
                let stamp = stamp(text, &mut next)?;
                self.directories.push((next()?, stamp));
            }
            "l" => {
                let target = next()?;
                self.links.push((next()?, target));
            }
            kind @ ("x" | "-") => self.files.push(File {
                executable: kind == "x",
                stamp: stamp(text, &mut next)?,
                digest: Digest::from_hex(next()?.of(text)).ok()?,
                path: next()?,
            }),
            _ => return None,
        }
        next().is_none().then_some(())
    }
}

fn read_up_to(path: &Path, most: u64) -> Option<String> {
    String::from_utf8(files::read_up_to(path, most).ok()??).ok()
}

impl From<Range<usize>> for Part {
    fn from(range: Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

fn stamp(text: &str, mut next: impl FnMut() -> Option<Part>) -> Option<Stamp> {
    let mut next = || Some(next()?.of(text));
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
    ranges(text.as_bytes(), at, 0..text.len()).map(|part| &text[part])
}

/// Returns where the parts of a text lie that an ASCII character divides.
fn ranges(text: &[u8], at: u8, within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let Range { mut start, end } = within;
    let ends = memchr_iter(at, &text[start..end]).map(move |found| within.start + found);
    ends.chain([end]).map(move |end| {
        let part = start..end;
        start = end + 1;
        part
    })
}

/// The lines of a record that is being written.
struct Lines(Vec<u8>);

impl Lines {
    fn stamp(&mut self, stamp: &Stamp) {
        for number in [stamp.inode, stamp.size] {
            self.0.push(b'\t');
            self.number(number);
        }
        for time in [stamp.mtime, stamp.ctime] {
            self.0.push(b'\t');
            match i64::try_from(time) {
                Ok(short) => self.number(short),
                Err(_) => self.number(time),
            }
        }
    }

    fn number(&mut self, number: impl itoa::Integer) {
        let mut buffer = itoa::Buffer::new();
        self.0.extend_from_slice(buffer.format(number).as_bytes());
    }

    fn field(&mut self, text: &str) {
        self.0.push(b'\t');
        self.0.extend_from_slice(text.as_bytes());
    }

    fn end(&mut self) {
        self.0.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    fn text_of(record: &TreeRecord) -> String {
        String::from_utf8(record.to_text()).unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(TreeRecord::from_text(text_of(&record())), Some(record()));
        let empty = TreeRecord::of_nothing(Digest::of(b"release"), 0);
        assert_eq!(TreeRecord::from_text(text_of(&empty)), Some(empty));
    }

    #[test]
    fn a_record_of_many_files_and_far_times_is_read_whole() {
        let mut record = record();
        let far = i128::from(i64::MAX) + 7;
        record.files.clear();
        for number in 0..5000_u64 {
            record.add_file(RecordedFile {
                path: &format!("share/{number:05}/ü"),
                executable: number % 3 == 0,
                stamp: Stamp {
                    inode: number,
                    size: number * 7,
                    mtime: if number % 2 == 0 { far } else { -far },
                    ctime: i128::from(number),
                },
                digest: Digest::of(&number.to_le_bytes()),
            });
        }
        let text = text_of(&record);
        let lines = text.trim_end();
        assert!(pieces(lines).len() > 3);
        assert_eq!(pieces(lines).join("\n"), lines);
        assert_eq!(TreeRecord::from_text(text.clone()), Some(record));
    }

    #[test]
    fn a_record_cut_anywhere_is_none() {
        let text = text_of(&record());
        for end in 0..text.len() {
            let cut = text[..end].to_owned();
            assert_eq!(TreeRecord::from_text(cut), None, "cut at {end}");
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
        let size = text_of(&record).len() as u64;
        assert_eq!(read(&[b"xyz", b"def"], size).as_ref(), Some(&record));
        assert_eq!(read(&[b"xyz", b"def"], size - 1), None);
        assert_eq!(read(&[b"xyz"], size), None);
        assert_eq!(read(&[], size), None);
    }
}
