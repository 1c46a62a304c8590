//! What lies in a range of an older release's tar, told from that release's index. Most lines of it
//! are lines of this release too, so hardly any is read.

use std::iter::Peekable;
use std::ops::Range;

use bulla_schemas::EntryPath;
use bulla_schemas::index::{EntryKind, IndexEntry};
use memchr::memchr;

use super::bundle::VerifiedBundle;
use crate::canonical::{BLOCK, Header, TarSpan};

/// A part of a tar, which follows another one without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarPart {
    /// What the index implies: headers, fillings and the end.
    Implied(Vec<u8>),
    /// What stands in a file.
    Content {
        /// The file.
        path: EntryPath,
        /// Which bytes of it.
        range: Range<u64>,
    },
}

impl VerifiedBundle {
    /// Returns for each of `ranges`, in bytes of another release's tar, what lies in it. `index` is
    /// that release's; it may be damaged, and then what is returned is wrong, or `None`. The parts
    /// of a range have as many bytes as the range.
    pub fn parts_of_older_tar(
        &self,
        index: &[u8],
        ranges: &[Range<u64>],
    ) -> Option<Vec<Vec<TarPart>>> {
        let mut found: Vec<Parts> = ranges.iter().cloned().map(Parts::new).collect();
        let mut waiting: Vec<usize> = (0..ranges.len()).collect();
        waiting.sort_by_key(|at| ranges[*at].start);
        let mut waiting = waiting.into_iter().peekable();
        // Those that have begun and not ended.
        let mut open: Vec<usize> = Vec::new();
        let ours = self.entries().iter().zip(self.layout());
        let mut ours = Lines(self.index_bytes()).zip(ours).peekable();
        let mut start = 0_u64;
        for line in Lines(index) {
            if open.is_empty() && waiting.peek().is_none() {
                break;
            }
            let older = Older::read(line, &mut ours)?;
            let end = older.end_from(start)?;
            while let Some(at) = waiting.next_if(|at| ranges[*at].start < end) {
                open.push(at);
            }
            for at in &open {
                older.add_to(&mut found[*at], start);
            }
            open.retain(|at| !found[*at].missing.is_empty());
            start = end;
        }
        // Nothing but zeros stands behind the last entry.
        for parts in &mut found {
            parts.add_zeros(u64::MAX);
        }
        Some(found.into_iter().map(|parts| parts.parts).collect())
    }
}

/// The lines of an index, without their line feeds.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Some(line)
    }
}

/// An entry of the older release.
enum Older<'a> {
    /// One that this release has too.
    Known(&'a IndexEntry, &'a TarSpan),
    Read(IndexEntry),
}

impl<'a> Older<'a> {
    /// Reads a line, unless it is the next of ours. Both indexes are sorted by path.
    fn read<I>(line: &[u8], ours: &mut Peekable<I>) -> Option<Self>
    where
        I: Iterator<Item = (&'a [u8], (&'a IndexEntry, &'a TarSpan))>,
    {
        let same = |ours: &mut Peekable<I>| {
            let same = ours.next_if(|(text, _)| *text == line);
            same.map(|(_, (entry, span))| Self::Known(entry, span))
        };
        if let Some(known) = same(ours) {
            return Some(known);
        }
        let read = IndexEntry::from_line(line).ok()?;
        while ours
            .next_if(|(_, (entry, _))| entry.path < read.path)
            .is_some()
        {}
        let known = same(ours);
        // The same path with another content.
        ours.next_if(|(_, (entry, _))| known.is_none() && entry.path == read.path);
        known.or(Some(Self::Read(read)))
    }

    fn entry(&self) -> &IndexEntry {
        match self {
            Self::Known(entry, _) => entry,
            Self::Read(entry) => entry,
        }
    }

    /// Returns how many bytes its headers and its content have.
    fn sizes(&self) -> (u64, u64) {
        match self {
            Self::Known(_, span) => (
                span.content.start - span.start,
                span.content.end - span.content.start,
            ),
            Self::Read(entry) => {
                let size = match entry.kind {
                    EntryKind::File { size, .. } => size,
                    EntryKind::Directory | EntryKind::Link { .. } => 0,
                };
                (Header::of(entry).len(), size)
            }
        }
    }

    /// Returns where the next entry begins.
    fn end_from(&self, start: u64) -> Option<u64> {
        let (header, content) = self.sizes();
        let content = content.checked_next_multiple_of(BLOCK as u64)?;
        start.checked_add(header)?.checked_add(content)
    }

    /// Adds what lies in the range, of an entry that begins at `start`.
    fn add_to(&self, parts: &mut Parts, start: u64) {
        let (header, size) = self.sizes();
        let content = start + header;
        if parts.wants(start, content) {
            let mut bytes = Vec::new();
            Header::of(self.entry()).write(&mut bytes);
            parts.add_implied(start, &bytes);
        }
        parts.add_content(&self.entry().path, content..content + size);
        parts.add_zeros((content + size).next_multiple_of(BLOCK as u64));
    }
}

/// The parts of a range that have been found.
struct Parts {
    /// Where the next part begins, and where the last one ends.
    missing: Range<u64>,
    parts: Vec<TarPart>,
}

impl Parts {
    const fn new(range: Range<u64>) -> Self {
        Self {
            missing: range,
            parts: Vec::new(),
        }
    }

    /// Tells whether something from `start` to `end` is missing.
    const fn wants(&self, start: u64, end: u64) -> bool {
        self.missing.start < self.missing.end
            && start < self.missing.end
            && self.missing.start < end
    }

    /// Takes the next missing bytes up to `end`, and returns where they lie.
    fn take(&mut self, end: u64) -> Range<u64> {
        let start = self.missing.start;
        let end = end.clamp(start, self.missing.end.max(start));
        self.missing.start = end;
        start..end
    }

    fn add_implied(&mut self, start: u64, bytes: &[u8]) {
        let taken = self.take(start.saturating_add(bytes.len() as u64));
        let inside = |offset: u64| usize::try_from(offset - start).ok();
        let part = inside(taken.start).zip(inside(taken.end));
        let part = part.and_then(|(from, to)| bytes.get(from..to));
        self.add(|implied| implied.extend_from_slice(part.unwrap_or_default()));
    }

    fn add_zeros(&mut self, end: u64) {
        let taken = self.take(end);
        let count = usize::try_from(taken.end - taken.start).unwrap_or(0);
        if count > 0 {
            self.add(|implied| implied.resize(implied.len() + count, 0));
        }
    }

    fn add_content(&mut self, path: &EntryPath, content: Range<u64>) {
        if !self.wants(content.start, content.end) {
            return;
        }
        let taken = self.take(content.end);
        self.parts.push(TarPart::Content {
            path: path.clone(),
            range: taken.start - content.start..taken.end - content.start,
        });
    }

    fn add(&mut self, add: impl FnOnce(&mut Vec<u8>)) {
        if let Some(TarPart::Implied(bytes)) = self.parts.last_mut() {
            return add(bytes);
        }
        let mut bytes = Vec::new();
        add(&mut bytes);
        self.parts.push(TarPart::Implied(bytes));
    }
}
