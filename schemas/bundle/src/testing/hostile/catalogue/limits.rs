//! Bundles that ask too much.

use super::attack::{Attack, CaughtBy, attack, replace};
use crate::limits::Limits;
use crate::testing::hostile::{Forge, ForgedEntry};

pub(super) fn attacks() -> Vec<Attack> {
    let limited = |name, forge: Forge, limits| Attack {
        limits,
        ..attack(name, CaughtBy::Verify, forge)
    };
    let default = Limits::default;
    let deep: Vec<ForgedEntry> = (1..=5)
        .map(|depth| ForgedEntry::directory(&vec!["d"; depth].join("/")))
        .collect();
    let zeros = Forge::new(vec![ForgedEntry::file("zeros", &vec![0; 4_000_000])]);
    vec![
        limited(
            "too-many-entries",
            Forge::default(),
            Limits {
                entries: 3,
                ..default()
            },
        ),
        limited(
            "too-deep",
            Forge::new(deep),
            Limits {
                depth: 4,
                ..default()
            },
        ),
        limited(
            "index-too-large",
            Forge::default(),
            Limits {
                index_size: 250,
                ..default()
            },
        ),
        limited(
            "frame-table-too-large",
            Forge::default(),
            Limits {
                frame_table_size: 350,
                ..default()
            },
        ),
        limited(
            "file-too-large",
            Forge::default(),
            Limits {
                file_size: 9,
                ..default()
            },
        ),
        limited(
            "tar-too-large",
            Forge::default(),
            Limits {
                tar_size: 2048,
                ..default()
            },
        ),
        limited(
            "over-ratio",
            zeros,
            Limits {
                ratio: 100,
                ratio_from: 1_000_000,
                ..default()
            },
        ),
        attack(
            "endless-file",
            CaughtBy::Verify,
            Forge::default().index(|index| {
                replace(index, "\"s\":9,", "\"s\":18446744073709551615,");
            }),
        ),
    ]
}
