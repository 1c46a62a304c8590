//! The canonical header of an entry.
//!
//! ```text
//!   0  name      100   path, `/` at the end of directories; what does not fit is split at a `/`
//! 100  mode        8   0000755 directories and executables, 0000644 files, 0000777 links
//! 108  uid         8   0000000
//! 116  gid         8   0000000
//! 124  size       12   octal; 0 for directories and links, and where a record holds the size
//! 136  mtime      12   00000000000: a new commit must not change every header
//! 148  chksum      8   sum of all bytes, six octal digits, NUL, space
//! 156  typeflag    1   `0` file, `5` directory, `2` symbolic link, `x` extended header
//! 157  linkname  100   target
//! 257  magic       6   "ustar\0"
//! 263  version     2   "00"
//! 265  uname      32   empty
//! 297  gname      32   empty
//! 329  devmajor    8   0000000
//! 337  devminor    8   0000000
//! 345  prefix    155   front of a split path: the shortest that leaves at most 100 bytes
//! 500            12    zeros
//! ```
//!
//! An extended header (POSIX pax) stands before the header when a path cannot be split so that it
//! fits (`path`), a target has more than 100 bytes (`linkpath`) or a file 8 GiB or more (`size`).
//! Its records are in the order of their names; the field then holds the first bytes of the value,
//! or 0 as the size. Text is UTF-8 as it is.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;

use bulla_schemas::index::{EntryKind, IndexEntry};

use super::{BLOCK, padding};

const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const LINK_NAME: Range<usize> = 157..257;
const PREFIX: Range<usize> = 345..500;
/// The smallest size that eleven octal digits cannot hold: 8 GiB.
const SIZE_IN_RECORD: u64 = 1 << 33;
/// The name of every extended header; programs that do not know them make one small file.
const EXTENDED_NAME: &str = "././@PaxHeader";

/// The fields by where they end, to name the one that differs.
const FIELDS: [(usize, &str); 17] = [
    (100, "name"),
    (108, "mode"),
    (116, "uid"),
    (124, "gid"),
    (136, "size"),
    (148, "mtime"),
    (156, "chksum"),
    (157, "typeflag"),
    (257, "linkname"),
    (263, "magic"),
    (265, "version"),
    (297, "uname"),
    (329, "gname"),
    (337, "devmajor"),
    (345, "devminor"),
    (500, "prefix"),
    (512, "padding"),
];

/// What a header says, before it is bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    /// The path, without `/` at the end.
    pub(crate) path: &'a str,
    /// One of `0`, `2`, `5`.
    pub(crate) type_flag: u8,
    pub(crate) mode: u32,
    /// Bytes of content behind the header.
    pub(crate) size: u64,
    /// The target of a link, else empty.
    pub(crate) target: &'a str,
}

impl<'a> Header<'a> {
    /// Returns what the header of this entry says.
    pub(crate) fn of(entry: &'a IndexEntry) -> Self {
        let path = entry.path.as_str();
        match &entry.kind {
            EntryKind::Directory => Self::directory(path),
            EntryKind::File {
                executable, size, ..
            } => Self::file(path, *executable, *size),
            EntryKind::Link { target } => Self::link(path, target.as_str()),
        }
    }

    pub(crate) const fn directory(path: &'a str) -> Self {
        Self {
            path,
            type_flag: b'5',
            mode: 0o755,
            size: 0,
            target: "",
        }
    }

    pub(crate) const fn file(path: &'a str, executable: bool, size: u64) -> Self {
        Self {
            path,
            type_flag: b'0',
            mode: if executable { 0o755 } else { 0o644 },
            size,
            target: "",
        }
    }

    pub(crate) const fn link(path: &'a str, target: &'a str) -> Self {
        Self {
            path,
            type_flag: b'2',
            mode: 0o777,
            size: 0,
            target,
        }
    }

    /// Returns the bytes of the extended header, where there is one, and of the header.
    pub(crate) fn len(&self) -> u64 {
        let records = self.records().len() as u64;
        let extended = match records {
            0 => 0,
            _ => BLOCK as u64 + records + padding(records) as u64,
        };
        extended + BLOCK as u64
    }

    /// Appends the one possible form of this header.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        let records = self.records();
        if !records.is_empty() {
            let extended = Self {
                path: EXTENDED_NAME,
                type_flag: b'x',
                mode: 0o644,
                size: records.len() as u64,
                target: "",
            };
            buffer.extend_from_slice(&extended.block());
            buffer.extend_from_slice(records.as_bytes());
            buffer.resize(buffer.len() + padding(records.len() as u64), 0);
        }
        buffer.extend_from_slice(&self.block());
    }

    /// The 512 bytes of ustar.
    fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let full = self.name();
        let (prefix, name) = split(&full).unwrap_or(("", &full));
        put(&mut block[NAME], name.as_bytes());
        put(&mut block[PREFIX], prefix.as_bytes());
        put(&mut block[LINK_NAME], self.target.as_bytes());
        block[156] = self.type_flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        put(
            &mut block[100..108],
            format!("{:07o}", self.mode).as_bytes(),
        );
        for zeros in [108..116, 116..124, 329..337, 337..345] {
            put(&mut block[zeros], b"0000000");
        }
        let size = if self.size < SIZE_IN_RECORD {
            self.size
        } else {
            0
        };
        put(&mut block[SIZE], format!("{size:011o}").as_bytes());
        put(&mut block[136..148], b"00000000000");
        block[CHECKSUM].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        // Infallible: six digits and a NUL in eight bytes, the last stays a space.
        let _ = write!(&mut block[CHECKSUM], "{sum:06o}\0");
        block
    }

    /// The records of the extended header; empty when none is needed.
    fn records(&self) -> String {
        let mut records = String::new();
        if self.target.len() > LINK_NAME.len() {
            push_record(&mut records, "linkpath", self.target);
        }
        let full = self.name();
        if split(&full).is_none() {
            push_record(&mut records, "path", &full);
        }
        if self.size >= SIZE_IN_RECORD {
            push_record(&mut records, "size", &self.size.to_string());
        }
        records
    }

    fn name(&self) -> std::borrow::Cow<'a, str> {
        if self.type_flag == b'5' {
            format!("{}/", self.path).into()
        } else {
            self.path.into()
        }
    }
}

/// Splits a path into the fields `prefix` and `name`: whole when it fits, else at the first `/`
/// that leaves at most 100 bytes. `None` when then the front is too long, or nothing is left.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME.len() {
        return Some(("", path));
    }
    let slash = path
        .bytes()
        .enumerate()
        .skip(path.len() - NAME.len() - 1)
        .find(|(_, byte)| *byte == b'/')?
        .0;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (!prefix.is_empty() && prefix.len() <= PREFIX.len() && !name.is_empty())
        .then_some((prefix, name))
}

/// Appends `LENGTH KEY=VALUE\n`, whose length counts its own digits.
fn push_record(records: &mut String, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    // Infallible: a string takes everything.
    let _ = writeln!(records, "{len} {key}={value}");
}

/// Copies what fits of `value` to the front of a field of zeros.
fn put(field: &mut [u8], value: &[u8]) {
    let len = value.len().min(field.len());
    field[..len].copy_from_slice(&value[..len]);
}

/// Names the field of a header's first block that holds another value; the checksum only when
/// nothing else differs, since it follows from the rest.
pub(crate) fn differing_field(expected: &[u8], found: &[u8]) -> &'static str {
    let mut start = 0;
    let mut name = "chksum";
    for (end, field) in FIELDS {
        if field != "chksum" && expected.get(start..end) != found.get(start..end) {
            name = field;
            break;
        }
        start = end;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(header: Header<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(bytes.len() as u64, header.len());
        bytes
    }

    #[test]
    fn a_short_path_needs_one_block() {
        let block = bytes(Header::file("bin/app", true, 18));
        assert_eq!(block.len(), 512);
        assert_eq!(&block[..8], b"bin/app\0");
        assert_eq!(&block[100..108], b"0000755\0");
        assert_eq!(&block[124..136], b"00000000022\0");
        assert_eq!(&block[148..156], b"010455\0 ");
        assert_eq!(&block[257..265], b"ustar\x0000");
    }

    #[test]
    fn a_long_path_is_split_at_the_first_slash_that_helps() {
        let path = format!("{}/{}/{}", "a".repeat(60), "b".repeat(60), "c".repeat(60));
        let block = bytes(Header::file(&path, false, 0));
        assert_eq!(block.len(), 512);
        assert_eq!(&block[..61], format!("{}\0", "c".repeat(60)).as_bytes());
        assert_eq!(
            &block[345..467],
            format!("{}/{}\0", "a".repeat(60), "b".repeat(60)).as_bytes()
        );
    }

    #[test]
    fn what_ustar_cannot_hold_stands_in_records() {
        let path = "p".repeat(101);
        let written = bytes(Header::file(&path, false, SIZE_IN_RECORD));
        assert_eq!(written.len(), 3 * 512);
        assert_eq!(written[156], b'x');
        let records = format!("111 path={path}\n19 size=8589934592\n");
        assert_eq!(&written[512..512 + records.len()], records.as_bytes());
        assert_eq!(&written[1024 + 124..1024 + 136], b"00000000000\0");

        let target = "t".repeat(101);
        let written = bytes(Header::link("l", &target));
        assert_eq!(&written[512..525], b"115 linkpath=");
    }

    #[test]
    fn a_directory_of_a_hundred_bytes_cannot_be_split_before_its_slash() {
        assert_eq!(bytes(Header::directory(&"d".repeat(99))).len(), 512);
        assert_eq!(bytes(Header::directory(&"d".repeat(100))).len(), 3 * 512);
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        let mut records = String::new();
        push_record(&mut records, "path", &"x".repeat(91));
        assert!(records.starts_with("101 path="));
        assert_eq!(records.len(), 101);
    }

    #[test]
    fn names_the_field_that_differs() {
        let plain = bytes(Header::file("a", false, 0));
        let mut device = plain.clone();
        device[156] = b'3';
        device[150] = b'7';
        assert_eq!(differing_field(&plain, &device), "typeflag");
        let mut sum = plain.clone();
        sum[150] = b'7';
        assert_eq!(differing_field(&plain, &sum), "chksum");
    }
}
