//! Trees that no writer makes.

use bulla_schemas::install::Install;

use super::attack::{Attack, CaughtBy, attack, entries, file, replace};
use crate::testing::hostile::{Forge, ForgedEntry};

pub(super) fn attacks() -> Vec<Attack> {
    let persist = Install {
        persist: vec!["var/uploads".parse().expect("a path")],
        ..Install::default()
    };
    let in_the_way = Forge::new(vec![
        ForgedEntry::directory("var"),
        ForgedEntry::directory("var/uploads"),
        file("var/uploads/shell.php"),
    ]);
    vec![
        entries("no-entries", Vec::new()),
        entries(
            "duplicate-path",
            vec![file("a"), ForgedEntry::file("a", b"other")],
        ),
        entries("unsorted", vec![file("b"), file("a")]),
        entries("missing-directory", vec![file("a/b")]),
        entries("file-below-file", vec![file("a"), file("a/b")]),
        entries(
            "file-through-link",
            vec![ForgedEntry::link("a", "."), file("a/b")],
        ),
        attack(
            "persistent-path",
            CaughtBy::Verify,
            in_the_way.install(persist.clone()),
        ),
        attack(
            "link-for-persistent-directory",
            CaughtBy::Verify,
            Forge::new(vec![ForgedEntry::link("var", "x")]).install(persist),
        ),
        attack("device-entry", CaughtBy::Verify, kind("c")),
        attack("hard-link-entry", CaughtBy::Verify, kind("h")),
        attack(
            "unknown-field-in-index",
            CaughtBy::Verify,
            Forge::default().index(|index| replace(index, "\"t\":\"d\"", "\"t\":\"d\",\"uid\":0")),
        ),
        attack(
            "set-id-in-index",
            CaughtBy::Verify,
            Forge::default().index(|index| replace(index, "\"x\":true", "\"x\":\"u+s\"")),
        ),
        attack(
            "other-text-for-an-entry",
            CaughtBy::Verify,
            Forge::default().index(|index| replace(index, "\"t\":\"d\"", "\"t\": \"d\"")),
        ),
        attack(
            "index-without-end",
            CaughtBy::Verify,
            Forge::default().index(|index| {
                index.pop();
            }),
        ),
        attack(
            "fields-of-another-kind",
            CaughtBy::Verify,
            Forge::default().index(|index| {
                replace(index, "\"t\":\"d\"", "\"t\":\"d\",\"l\":\"x\"");
            }),
        ),
    ]
}

fn kind(letter: &'static str) -> Forge {
    Forge::default().index(move |index| {
        replace(index, "\"t\":\"l\"", &format!("\"t\":\"{letter}\""));
    })
}
