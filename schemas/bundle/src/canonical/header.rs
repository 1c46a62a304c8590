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

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::mem;
use std::sync::LazyLock;

use bulla_schemas::index::{EntryKind, IndexEntry};
use tar::EntryType;

use super::block::{BLOCK, padding};

/// Bytes in the fields `name` and `linkname`.
const NAME: usize = 100;
/// Bytes in the field `prefix`.
const PREFIX: usize = 155;
/// The smallest size that eleven octal digits cannot hold: 8 GiB.
const SIZE_IN_RECORD: u64 = 1 << 33;
/// The name of every extended header; programs that do not know them make one small file.
const EXTENDED_NAME: &str = "././@PaxHeader";

/// What all headers have in common.
static COMMON: LazyLock<tar::Header> = LazyLock::new(|| {
    let mut header = tar::Header::new_ustar();
    header.set_uid(0);
    header.set_gid(0);
    if let Some(ustar) = header.as_ustar_mut() {
        ustar.set_device_major(0);
        ustar.set_device_minor(0);
    }
    header
});

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
    path: &'a str,
    kind: EntryType,
    mode: u32,
    /// Bytes of content behind the header.
    size: u64,
    /// The target of a link, else empty.
    target: &'a str,
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
            kind: EntryType::Directory,
            mode: 0o755,
            size: 0,
            target: "",
        }
    }

    pub(crate) const fn file(path: &'a str, executable: bool, size: u64) -> Self {
        Self {
            path,
            kind: EntryType::Regular,
            mode: if executable { 0o755 } else { 0o644 },
            size,
            target: "",
        }
    }

    pub(crate) const fn link(path: &'a str, target: &'a str) -> Self {
        Self {
            path,
            kind: EntryType::Symlink,
            mode: 0o777,
            size: 0,
            target,
        }
    }

    /// The extended header in front of so many bytes of records.
    pub(crate) const fn extended(size: u64) -> Self {
        Self {
            path: EXTENDED_NAME,
            kind: EntryType::XHeader,
            mode: 0o644,
            size,
            target: "",
        }
    }

    /// Returns how many bytes [`Self::write`] appends.
    pub(crate) fn len(&self) -> u64 {
        let records = self.records().map_or(0, |records| {
            BLOCK + records.len() + padding(records.len() as u64)
        });
        (records + BLOCK) as u64
    }

    /// Appends the one possible form of this header, an extended one in front where needed.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        if let Some(records) = self.records() {
            let size = records.len() as u64;
            buffer.extend_from_slice(Self::extended(size).block().as_bytes());
            buffer.extend_from_slice(&records);
            buffer.resize(buffer.len() + padding(size), 0);
        }
        buffer.extend_from_slice(self.block().as_bytes());
    }

    /// Appends this header and what stands behind it to a tar.
    pub(crate) fn append<W: Write>(
        &self,
        tar: &mut tar::Builder<W>,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if let Some(records) = self.records() {
            let extended = Self::extended(records.len() as u64).block();
            tar.append(&extended, &records[..])?;
        }
        tar.append(&self.block(), content)
    }

    /// Returns the 512 bytes of ustar.
    pub(crate) fn block(&self) -> tar::Header {
        let mut header = COMMON.clone();
        let full = self.name();
        let (prefix, name) = split(&full).unwrap_or(("", &full));
        if let Some(ustar) = header.as_ustar_mut() {
            // Not `set_path`: it splits at another `/`, and refuses what stands in a record too.
            put(&mut ustar.name, name);
            put(&mut ustar.prefix, prefix);
            put(&mut ustar.linkname, self.target);
        }
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_size(if self.size < SIZE_IN_RECORD {
            self.size
        } else {
            0
        });
        seal(&mut header);
        header
    }

    /// Returns the records of the extended header, where one is needed.
    pub(crate) fn records(&self) -> Option<Vec<u8>> {
        let full = self.name();
        let has_size = self.size >= SIZE_IN_RECORD;
        let has_path = split(&full).is_none();
        let has_target = self.target.len() > NAME;
        if !(has_size || has_path || has_target) {
            return None;
        }
        let size = self.size.to_string();
        let records = [
            (has_target, "linkpath", self.target),
            (has_path, "path", &full),
            (has_size, "size", &size),
        ];
        let records = records.into_iter().filter(|(is_needed, ..)| *is_needed);
        let mut tar = tar::Builder::new(Vec::new());
        // Infallible: into memory.
        let _ = tar.append_pax_extensions(records.map(|(_, key, value)| (key, value.as_bytes())));
        let written = mem::take(tar.get_mut());
        // The header that the library puts in front has neither a name nor a mode.
        let (header, records) = written.split_at_checked(BLOCK)?;
        let size = tar::Header::from_byte_slice(header).entry_size().ok()?;
        let size = usize::try_from(size).ok()?;
        records.get(..size).map(<[u8]>::to_vec)
    }

    fn name(&self) -> Cow<'a, str> {
        if self.kind == EntryType::Directory {
            format!("{}/", self.path).into()
        } else {
            self.path.into()
        }
    }
}

/// Makes the checksum fit: six digits, NUL and space, as GNU tar and POSIX have it, where the
/// library writes seven digits and NUL.
pub(crate) fn seal(header: &mut tar::Header) {
    header.set_cksum();
    let checksum = &mut header.as_old_mut().cksum;
    // The sum of 512 bytes has at most six digits, so the first of the seven is 0.
    checksum.rotate_left(1);
    checksum[7] = b' ';
}

/// Splits a path into the fields `prefix` and `name`: whole when it fits, else at the first `/`
/// that leaves at most 100 bytes. `None` when then the front is too long, or nothing is left.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let slash = path
        .bytes()
        .enumerate()
        .skip(path.len() - NAME - 1)
        .find(|(_, byte)| *byte == b'/')?
        .0;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (!prefix.is_empty() && prefix.len() <= PREFIX && !name.is_empty()).then_some((prefix, name))
}

/// Copies what fits of `value` to the front of a field of zeros.
fn put(field: &mut [u8], value: &str) {
    let len = value.len().min(field.len());
    field[..len].copy_from_slice(&value.as_bytes()[..len]);
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

    /// Needs the program `tar`.
    #[test]
    fn a_size_in_a_record_is_the_size_for_other_readers() {
        let size = SIZE_IN_RECORD + 1;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes(Header::file("large", false, size)))
            .unwrap();
        let end = file.as_file().metadata().unwrap().len() + size.next_multiple_of(512) + 1024;
        // A hole: nothing of it is on the disk.
        file.as_file().set_len(end).unwrap();

        let mut archive = tar::Archive::new(file.reopen().unwrap());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.size(), size);
        let listed = std::process::Command::new("tar")
            .arg("-tvf")
            .arg(file.path())
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains(" 8589934593 "), "{listed}");
    }

    #[test]
    fn a_directory_of_a_hundred_bytes_cannot_be_split_before_its_slash() {
        assert_eq!(bytes(Header::directory(&"d".repeat(99))).len(), 512);
        assert_eq!(bytes(Header::directory(&"d".repeat(100))).len(), 3 * 512);
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        for (path, len) in [(989, 999), (990, 1001)] {
            let path = "x".repeat(path);
            let records = Header::file(&path, false, 0).records().unwrap();
            assert_eq!(records, format!("{len} path={path}\n").as_bytes());
            assert_eq!(records.len(), len);
        }
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
