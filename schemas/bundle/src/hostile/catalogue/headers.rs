//! Headers that say something else than the index.

use super::{Attack, CaughtBy, attack};
use crate::hostile::{Forge, ForgedEntry};

pub(super) fn attacks() -> Vec<Attack> {
    const MODE: usize = 100;
    const OWNER: usize = 108;
    const TIME: usize = 136;
    const TYPE: usize = 156;
    const LINK_NAME: usize = 157;
    let header = |name, entry| attack(name, CaughtBy::PayloadCheck, Forge::new(vec![entry]));
    let other_size = |name, entry| attack(name, CaughtBy::Verify, Forge::new(vec![entry]));
    let plain = || ForgedEntry::file("a", b"");
    let mut swapped = ForgedEntry::file("a", b"harmless");
    swapped.content = b"harmful!".to_vec();
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
        other_size("pax-size-lie", plain().with_records("12 size=4096\n")),
        other_size(
            "pax-path-override",
            plain().with_records("18 path=/etc/owned\n"),
        ),
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
