//! Names that lead out of the tree or hide in it.

use super::attack::{Attack, CaughtBy, attack, entries, file};
use crate::testing::hostile::{Forge, ForgedEntry};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        entries("absolute-path", vec![file("/etc/cron.d/owned")]),
        entries("parent-part", vec![file("../owned")]),
        entries("parent-part-inside", vec![file("a/../../owned")]),
        entries("dot-part", vec![file("./owned")]),
        entries("empty-part", vec![file("a//owned")]),
        entries("empty-path", vec![file("")]),
        entries("nul-in-path", vec![file("owned\0.txt")]),
        entries("line-feed-in-path", vec![file("owned\n.txt")]),
        entries("path-too-long", vec![file(&"long/".repeat(900))]),
        entries("part-too-long", vec![file(&"x".repeat(256))]),
        entries("release-file", vec![file(".bulla-release")]),
        entries("escaping-link", vec![ForgedEntry::link("out", "../../etc")]),
        entries(
            "absolute-link",
            vec![ForgedEntry::link("out", "/etc/passwd")],
        ),
        entries(
            "link-bent-by-another",
            vec![ForgedEntry::link("out", "a/b/../../../etc")],
        ),
        attack(
            "case-clash",
            CaughtBy::WindowsNames,
            Forge::new(vec![file("Config.php"), file("config.php")]),
        ),
        attack(
            "device-name",
            CaughtBy::WindowsNames,
            Forge::new(vec![file("aux.txt")]),
        ),
        attack(
            "alternate-stream",
            CaughtBy::WindowsNames,
            Forge::new(vec![file("a.txt:hidden")]),
        ),
    ]
}
