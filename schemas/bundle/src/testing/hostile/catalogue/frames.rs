//! Frames that lie about themselves.

use bulla_schemas::Digest;

use super::attack::{Attack, CaughtBy, attack};
use crate::testing::hostile::{Forge, ForgedEntry, ForgedFrame};

pub(super) fn attacks() -> Vec<Attack> {
    let check = |name, forge| attack(name, CaughtBy::PayloadCheck, forge);
    vec![
        first_frame("truncated-frame", |frame| {
            frame.compressed.pop();
        }),
        first_frame("frame-bomb", |frame| {
            keep_announced(frame, &vec![0; 2 * 1024 * 1024]);
        }),
        first_frame("content-size-lie", |frame| {
            // The header announces what the table says, and the content is shorter.
            let announced = frame.compressed[4..7].to_vec();
            keep_announced(frame, &b"short".repeat(80));
            frame.compressed[4..7].copy_from_slice(&announced);
        }),
        first_frame("frame-without-content-size", |frame| {
            frame.compressed[4] &= 0b0001_1111;
        }),
        first_frame("frame-with-dictionary", |frame| frame.compressed[4] |= 1),
        first_frame("frame-with-checksum", |frame| frame.compressed[4] |= 4),
        first_frame("second-frame-inside", |frame| {
            let again = frame.compressed.clone();
            frame.compressed.extend(again);
        }),
        first_frame("skippable-frame-inside", |frame| {
            let hidden = b"\x50\x2a\x4d\x18\x04\x00\x00\x00hide";
            frame.compressed.extend(hidden);
        }),
        first_frame("not-a-frame", |frame| frame.compressed[0] ^= 1),
        attack(
            "wrong-frame-digest",
            CaughtBy::Decode,
            Forge::default().payload_frames(|frames| {
                frames[0].record.compressed_digest = Digest::of(b"other");
            }),
        ),
        attack(
            "swapped-frames",
            CaughtBy::Decode,
            long().payload_frames(|frames| {
                let digest = frames[0].record.compressed_digest;
                frames[0].record.compressed_digest = frames[1].record.compressed_digest;
                frames[1].record.compressed_digest = digest;
            }),
        ),
        attack(
            "truncated-payload",
            CaughtBy::Decode,
            Forge::default().served(|served| served.payload.truncate(20)),
        ),
        check(
            "wrong-content-digest",
            Forge::default().payload_frames(|frames| {
                frames[0].record.digest = Digest::of(b"other");
            }),
        ),
        check(
            "served-bytes-behind-the-payload",
            Forge::default().served(|served| served.payload.extend(b"more")),
        ),
    ]
}

/// A bundle whose payload has several frames.
pub(super) fn long() -> Forge {
    Forge::new(vec![ForgedEntry::file("noise", &noise(1_500_000))])
}

/// Changes the first frame of the payload; its line in the table fits the compressed bytes.
fn first_frame(name: &'static str, change: impl FnOnce(&mut ForgedFrame) + 'static) -> Attack {
    let forge = Forge::default().payload_frames(|frames| {
        change(&mut frames[0]);
        frames[0].reseal();
    });
    attack(name, CaughtBy::Decode, forge)
}

/// Replaces the content and lets the table announce the old one.
fn keep_announced(frame: &mut ForgedFrame, content: &[u8]) {
    let (size, digest) = (frame.record.size, frame.record.digest);
    frame.replace(content);
    (frame.record.size, frame.record.digest) = (size, digest);
}

/// Bytes that do not compress, so that cutting finds places.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_le_bytes()[6]
    };
    (0..len).map(|_| next()).collect()
}
