//! Headers that say something else than the index.

use super::attack::{Attack, CaughtBy, attack};
use crate::testing::hostile::{Forge, ForgedEntry};

const MODE: usize = 100;
const OWNER: usize = 108;
const SIZE: usize = 124;
const TIME: usize = 136;
const CHECKSUM: usize = 148;
const TYPE: usize = 156;
const LINK_NAME: usize = 157;
const MAGIC: usize = 257;
const PREFIX: usize = 345;

pub(super) fn attacks() -> Vec<Attack> {
    let mut attacks = fields();
    attacks.extend(records());
    attacks.extend(other_sizes());
    attacks.extend(contents());
    attacks
}

fn plain() -> ForgedEntry {
    ForgedEntry::file("a", b"")
}

/// An entry that needs a record for its path.
fn long() -> ForgedEntry {
    ForgedEntry::file(&"p".repeat(250), b"")
}

/// A tar of the right size: only its bytes tell.
fn header(name: &'static str, entry: ForgedEntry) -> Attack {
    attack(name, CaughtBy::PayloadCheck, Forge::new(vec![entry]))
}

fn fields() -> Vec<Attack> {
    let mut checksum = plain();
    checksum.header[CHECKSUM..CHECKSUM + 8].rotate_right(1);
    checksum.header[CHECKSUM] = b'0';
    vec![
        header("device-header", plain().with_field(TYPE, b"3")),
        header("set-id-header", plain().with_field(MODE, b"0004755")),
        header("owner-header", plain().with_field(OWNER, b"0001750")),
        header("time-header", plain().with_field(TIME, b"14000000000")),
        header(
            "hard-link-header",
            plain()
                .with_field(LINK_NAME, b"/etc/shadow")
                .with_field(TYPE, b"1"),
        ),
        header("other-name-header", plain().with_field(0, b"b")),
        header("bytes-behind-the-name", plain().with_field(2, b"/../owned")),
        header(
            "prefix-before-a-short-name",
            plain().with_field(PREFIX, b"etc"),
        ),
        header("sparse-header", plain().with_field(TYPE, b"S")),
        header("contiguous-header", plain().with_field(TYPE, b"7")),
        header("old-header", plain().with_field(MAGIC, &[0; 8])),
        header("gnu-header", plain().with_field(MAGIC, b"ustar  \0")),
        header(
            "base-256-size",
            plain().with_field(SIZE, b"\x80\0\0\0\0\0\0\0\0\0\0\0"),
        ),
        header(
            "size-with-spaces",
            plain().with_field(SIZE, b"          0 "),
        ),
        header("other-form-of-checksum", checksum),
    ]
}

fn records() -> Vec<Attack> {
    let mut other = long();
    // The records stand behind their header: `261 path=ppp...`.
    other.header[512 + 9..512 + 19].copy_from_slice(b"/etc/owned");
    vec![
        header("global-records", long().with_first_type(b'g')),
        header("records-as-long-name", long().with_first_type(b'L')),
        header("records-as-long-target", long().with_first_type(b'K')),
        header("other-record", other),
    ]
}

/// Entries in front of an entry that change what it means.
fn other_sizes() -> Vec<Attack> {
    let other_size = |name, entry| attack(name, CaughtBy::Verify, Forge::new(vec![entry]));
    let mut zeros = plain();
    zeros.header.splice(0..0, [0; 512]);
    vec![
        other_size("pax-size-lie", plain().with_records("12 size=4096\n")),
        other_size(
            "pax-path-override",
            plain().with_records("18 path=/etc/owned\n"),
        ),
        other_size("gnu-long-name", plain().behind(b'L', b"/etc/owned\0")),
        other_size("gnu-long-target", plain().behind(b'K', b"/etc/shadow\0")),
        other_size("global-path", plain().behind(b'g', b"18 path=/etc/owned\n")),
        // Parsers disagree on which of the headers the size is for.
        other_size(
            "record-before-long-name",
            plain()
                .behind(b'L', b"owned\0")
                .with_records("12 size=4096\n"),
        ),
        other_size("zero-block-between", zeros),
    ]
}

fn contents() -> Vec<Attack> {
    let mut swapped = ForgedEntry::file("a", b"harmless");
    swapped.content = b"harmful!".to_vec();
    vec![
        attack(
            "content-of-another-file",
            CaughtBy::Extract,
            Forge::new(vec![swapped]),
        ),
        attack(
            "hidden-in-padding",
            CaughtBy::PayloadCheck,
            Forge::default().tar(|tar| tar[1000..1006].copy_from_slice(b"hidden")),
        ),
        attack(
            "hidden-at-the-end",
            CaughtBy::PayloadCheck,
            Forge::default().tar(|tar| {
                let end = tar.len();
                tar[end - 6..].copy_from_slice(b"hidden");
            }),
        ),
        attack(
            "entry-behind-the-end",
            CaughtBy::Verify,
            Forge::default().tar(|tar| {
                let first = tar[..1024].to_vec();
                tar.extend(first);
                tar.extend([0; 1024]);
            }),
        ),
    ]
}
