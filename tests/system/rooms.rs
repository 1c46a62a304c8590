//! The rooms of ARCHITECTURE.md: which file may name which.

mod circles;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use circles::circles;
use source::Source;

/// Every crate but the tests.
const CRATES: &[&str] = &[
    "schemas/src",
    "schemas/bundle/src",
    "schemas/files/src",
    "schemas/terminal/src",
    "schemas/trust/src",
    "registry/client/src",
    "packager/src",
    "packager/svn/src",
    "registry/src",
    "installer/src",
];

/// The rooms of each program from the top down. Rooms of one line do not know each other.
const ROOMS: &[(&str, &[&[&str]])] = &[
    (
        "installer/src",
        &[
            &["cli"],
            &["doctor"],
            &["agent"],
            &["setup"],
            &["operation"],
            &["live", "fetch", "drift"],
            &["tree"],
            &["state"],
            &["config"],
            &["site"],
            &["platform", "observer", "failpoint"],
        ],
    ),
    (
        "registry/src",
        &[
            &["testing"],
            &["cli"],
            &["server"],
            &["http"],
            &["app"],
            &["access", "keep"],
            &["error"],
            &["mirror"],
            &["publish"],
            &["log", "store"],
            &["objects", "database"],
            &["settings"],
            &[
                "pattern",
                "period",
                "oci",
                "frames",
                "metrics",
                "data",
                "clock",
                "blocking",
                "budget",
                "quota",
                "turns",
                "watchers",
                "failpoint",
            ],
        ],
    ),
    (
        "packager/src",
        &[
            &["cli"],
            &[
                "audit",
                "reproduce",
                "check",
                "doctor",
                "publish",
                "rollback",
                "wave",
                "report",
                "witness",
                "forks",
                "log_files",
                "log_push",
            ],
            &["promote", "resolve", "revoke", "policy"],
            &["propose"],
            &["pending"],
            &["drop", "preview", "person", "append"],
            &["pack", "ancestry", "proposal", "meanwhile"],
            &[
                "build", "select", "identify", "patch", "export", "import", "init",
            ],
            &["cache", "recipe", "contents", "sign", "push", "bundle_file"],
            &[
                "source", "key", "ssh", "signer", "counted", "config", "compare",
            ],
            &["filter", "child"],
        ],
    ),
];

#[test]
fn no_files_name_each_other_in_a_circle() {
    let mut found = Vec::new();
    for folder in CRATES {
        let imports = Source::read(folder).imports();
        for circle in circles(&imports) {
            for file in &circle {
                let inside = imports[file].intersection(&circle);
                let inside: Vec<_> = inside.map(String::as_str).collect();
                found.push(format!("{file} -> {}", inside.join(", ")));
            }
            found.push(String::new());
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let mut found = BTreeSet::new();
    for (folder, levels) in ROOMS {
        let level: BTreeMap<&str, usize> = (0..)
            .zip(*levels)
            .flat_map(|(level, rooms)| rooms.iter().map(move |room| (*room, level)))
            .collect();
        let level_of = |room: &str| {
            *level
                .get(room)
                .unwrap_or_else(|| panic!("{folder}/{room} stands in no line of the table"))
        };
        for (file, named) in Source::read(folder).imports() {
            let Some(room) = room(folder, &file) else {
                continue;
            };
            let from = level_of(room);
            for other in &named {
                let below = self::room(folder, other);
                if below.is_some_and(|other| other != room && level_of(other) <= from) {
                    found.insert(format!("{file} -> {other}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_http_speaks_of_problems() {
    let files = Source::read("registry/src").naming(&["Problem"]);
    let elsewhere: Vec<_> = files
        .iter()
        .filter(|file| !file.starts_with("registry/src/http"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn only_cli_speaks_to_people() {
    const SPEECH: &[&[&str]] = &[
        &["anyhow"],
        &["io", "stdout"],
        &["io", "stderr"],
        &["print"],
        &["println"],
        &["eprint"],
        &["eprintln"],
    ];
    // A process of its own, whose stderr is the pipe on which the build is heard.
    const GUARD: &str = "packager/src/build/stage/guard.rs";
    for folder in ["installer/src", "registry/src", "packager/src"] {
        let source = Source::read(folder);
        let cli = format!("{folder}/cli");
        for speech in SPEECH {
            let mut files = source.naming(speech);
            files.retain(|file| !file.starts_with(&cli) && file != GUARD);
            assert!(files.is_empty(), "`{}` in {files:?}", speech.join("::"));
        }
    }
}

#[test]
fn no_program_is_started_with_the_secrets_of_the_packager() {
    // A build has an environment of its own.
    let mut files = Source::read("packager/src").naming(&["Command", "new"]);
    files.retain(|file| !file.starts_with("packager/src/build/"));
    assert_eq!(files, ["packager/src/child.rs"]);
}

/// Returns the room in which a file lies; the crate's root is above all.
fn room<'f>(folder: &str, file: &'f str) -> Option<&'f str> {
    let path = file.strip_prefix(folder)?.strip_prefix('/')?;
    let first = path.split('/').next()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "lib").then_some(room)
}
