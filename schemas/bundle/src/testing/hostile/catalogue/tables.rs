//! Frame tables and seek tables that lie about frames.

use bulla_schemas::Digest;

use super::attack::{Attack, CaughtBy, attack, replace};
use crate::testing::hostile::{Forge, ForgedEntry};

pub(super) fn attacks() -> Vec<Attack> {
    let verify = |name, forge| attack(name, CaughtBy::Verify, forge);
    let table = |name, from: &'static str, to: &'static str| {
        verify(
            name,
            Forge::default().table(move |table| replace(table, from, to)),
        )
    };
    let zeros = ForgedEntry::file("zeros", &vec![0; 2_200_000]);
    vec![
        table(
            "frame-count-lie",
            "\"payload\":1",
            "\"payload\":18446744073709551615",
        ),
        table(
            "frame-table-of-another-format",
            "\"format\":1",
            "\"format\":9",
        ),
        table(
            "unknown-field-in-frame-table",
            "{\"c\":",
            "{\"offset\":0,\"c\":",
        ),
        table("other-text-for-a-frame", "{\"c\":", "{ \"c\":"),
        table("frame-table-without-end", "\"}\n{", "\"}{"),
        verify(
            "tiny-frames",
            super::frames::long().cut(|lengths| {
                lengths[0] -= 1000;
                lengths.insert(1, 1000);
            }),
        ),
        verify(
            "huge-frame",
            Forge::new(vec![zeros]).cut(|lengths| *lengths = vec![lengths.iter().sum()]),
        ),
        verify(
            "wrong-compressed-sum",
            Forge::default().payload_frames(|frames| frames[0].record.compressed_size += 1),
        ),
        verify(
            "wrong-sum",
            Forge::default().payload_frames(|frames| frames[0].record.size += 512),
        ),
        verify(
            "wrong-index-sum",
            Forge::default().index_frames(|frames| frames[0].record.size += 1),
        ),
        verify(
            "wrong-index-frame",
            Forge::default().index_frames(|frames| {
                frames[0].record.compressed_digest = Digest::of(b"other");
            }),
        ),
        verify(
            "missing-seek-table",
            Forge::default().seek_table(Vec::clear),
        ),
        verify(
            "bytes-behind-the-payload",
            Forge::default().seek_table(|table| table.extend(b"more")),
        ),
        attack(
            "forged-seek-table",
            CaughtBy::PayloadCheck,
            Forge::default().seek_table(|table| table[8] ^= 1),
        ),
        attack(
            "moved-cut",
            CaughtBy::PayloadCheck,
            super::frames::long().cut(|lengths| {
                lengths[0] -= 1000;
                lengths[1] += 1000;
            }),
        ),
    ]
}
