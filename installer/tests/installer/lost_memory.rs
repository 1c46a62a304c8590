//! What this server remembers is lost or damaged. None of it stands between a person and a rollback,
//! and an install of another release mends it.

mod history;
mod log;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bulla_installer::{ProjectStatus, RollbackError};
use bulla_schemas::Digest;
use bulla_schemas::outcome::Outcome as _;

use crate::world::{World, request, small_tree};

/// Two releases, of which the second is live, and no registry.
fn world() -> (World, Vec<Digest>) {
    let mut world = World::new();
    let hashes = world.install_each(&["one", "two"]);
    world.registry.change(|served| served.down = true);
    (world, hashes)
}

fn found(world: &World) -> ProjectStatus {
    world.status(None).remove(0)
}

fn problem(world: &World) -> String {
    found(world).problem.unwrap_or_default()
}

/// Installs a new release, after which nothing is wrong any more.
fn assert_the_next_install_mends(mut world: World) {
    world.registry.change(|served| served.down = false);
    let next = world.release(&small_tree("next"));
    world.install().unwrap();
    assert_eq!(world.live(), Some(next));
    world.assert_intact();
    assert_eq!(problem(&world), "");
}

/// The ways in which a file is lost.
const LOSSES: [fn(&Path); 8] = [
    |path| fs::remove_file(path).unwrap(),
    |path| fs::write(path, "").unwrap(),
    |path| fs::write(path, b"\xff\x00 noise").unwrap(),
    WRONG_TYPES[0],
    WRONG_TYPES[1],
    WRONG_TYPES[2],
    WRONG_TYPES[3],
    WRONG_TYPES[4],
];

/// What can lie in a file's place: none of it is waited for, and none of it stops anything.
const WRONG_TYPES: [fn(&Path); 5] = [
    |path| {
        remove(path);
        fs::create_dir(path).unwrap();
    },
    |path| {
        remove(path);
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    },
    |path| {
        remove(path);
        // A socket's path is short.
        let folder = tempfile::tempdir().unwrap();
        let short = folder.path().join("socket");
        drop(UnixListener::bind(&short).unwrap());
        fs::rename(short, path).unwrap();
    },
    |path| {
        remove(path);
        symlink("/dev/zero", path).unwrap();
    },
    |path| {
        remove(path);
        symlink(path.with_extension("gone"), path).unwrap();
    },
];

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap();
    }
}

/// Returns what is kept of something that was damaged.
fn kept_of(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let beginning = format!("{name}.damaged-");
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&beginning)
        })
        .collect()
}

#[test]
fn a_rollback_goes_to_an_intact_tree_whatever_is_lost_of_its_bundle() {
    for part in ["manifest.json", "release.json", "frames", "index.jsonl"] {
        for (number, lose) in LOSSES[..5].iter().enumerate() {
            // By its stamps, and by its content.
            for is_touched in [false, true] {
                let (world, hashes) = world();
                lose(
                    &world
                        .state()
                        .join("bundles")
                        .join(hashes[0].hex())
                        .join(part),
                );
                if is_touched {
                    touch(&world.tree(&hashes[0]));
                }
                let (result, notes) = world.rollback_with_notes(None);
                result.unwrap_or_else(|error| panic!("{part}, {number}: {error}"));
                assert_eq!(world.live(), Some(hashes[0]));
                assert!(
                    notes.contains("cannot be compared with the release"),
                    "{notes}"
                );
                assert!(notes.contains("as this server recorded it"), "{notes}");
                assert!(notes.contains("--pin-old"), "{notes}");
                assert_eq!(world.set_aside(), []);
                // Nobody says that it is intact.
                assert_eq!(found(&world).differences, None, "{part}, {number}");
                let run = world.run(&["status"]);
                assert!(run.stdout.contains("unknown"), "{run:?}");
                assert!(run.stderr.contains("cannot be compared"), "{run:?}");
                assert_ne!(world.run(&["verify", "acme/billing"]).status, Some(0));
            }
        }
    }
    let (world, hashes) = world();
    fs::remove_dir_all(world.state().join("bundles").join(hashes[0].hex())).unwrap();
    world.rollback(None).unwrap();
    world.registry.change(|served| served.down = false);
    let mut request = request();
    request.hash = Some(hashes[0].hex().parse().unwrap());
    request.pin_old = true;
    world.install_with(&request).0.unwrap();
    world.assert_intact();
    assert_the_next_install_mends(world);
}

fn touch(tree: &Path) {
    let touched = Command::new("find")
        .arg(tree)
        .args(["-exec", "touch", "-h", "{}", "+"])
        .status()
        .unwrap();
    assert!(touched.success());
}

#[test]
fn a_tree_of_which_nothing_is_remembered_is_used_as_it_is_and_that_is_said() {
    let (world, hashes) = world();
    fs::remove_dir_all(world.state().join("bundles")).unwrap();
    fs::remove_dir_all(world.memory().join("trees")).unwrap();
    let (result, notes) = world.rollback_with_notes(None);
    result.unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    assert!(notes.contains("it is used as it is"), "{notes}");
    assert_the_next_install_mends(world);
}

#[test]
fn an_edit_in_a_tree_whose_bundle_is_lost_is_named_and_a_missing_file_refused() {
    let (world, hashes) = world();
    fs::write(
        world
            .state()
            .join("bundles")
            .join(hashes[0].hex())
            .join("index.jsonl"),
        "",
    )
    .unwrap();
    let tree = world.tree(&hashes[0]);
    let app = fs::read(tree.join("bin/app")).unwrap();
    fs::remove_file(tree.join("bin/app")).unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(matches!(error, RollbackError::Incomplete { .. }), "{error}");
    assert!(error.to_string().contains("missing `bin/app`"), "{error}");
    assert!(error.hint().unwrap().contains("--pin-old"));
    assert_eq!(world.live(), Some(hashes[1]));
    fs::write(tree.join("bin/app"), app).unwrap();
    fs::write(tree.join("version.txt"), "edited").unwrap();
    let (result, notes) = world.rollback_with_notes(None);
    result.unwrap();
    assert!(notes.contains("it was edited"), "{notes}");
    assert!(notes.contains("changed `version.txt`"), "{notes}");
    assert_eq!(
        fs::read(world.current().join("version.txt")).unwrap(),
        b"edited"
    );
}

#[test]
fn a_damaged_record_makes_no_difference() {
    for lose in LOSSES {
        let (world, hashes) = world();
        for hash in &hashes {
            lose(&world.memory().join("trees").join(hash.hex()));
        }
        world.rollback(None).unwrap();
        world.assert_intact();
        assert_the_next_install_mends(world);
    }
}

#[test]
fn a_lost_current_is_said_and_put_back() {
    for by_install in [false, true] {
        let (world, hashes) = world();
        fs::remove_file(world.current()).unwrap();
        assert!(problem(&world).contains("current` does not exist"));
        assert!(problem(&world).contains(&hashes[1].short()));
        if by_install {
            world.registry.change(|served| served.down = false);
            world.install().unwrap();
        } else {
            let (result, notes) = world.rollback_with_notes(None);
            let rolled_back = result.unwrap();
            assert_eq!((rolled_back.left, rolled_back.is_held), (None, false));
            assert!(notes.contains("does not exist"), "{notes}");
        }
        assert_eq!(world.live(), Some(hashes[1]));
        assert_eq!(problem(&world), "");
        world.rollback(None).unwrap();
        assert_eq!(world.live(), Some(hashes[0]));
    }
    let (world, hashes) = world();
    fs::remove_file(world.current()).unwrap();
    let rolled_back = world.rollback(Some(&hashes[0].hex())).unwrap();
    assert!(rolled_back.is_held);
    assert_eq!(found(&world).hold.unwrap().left, hashes[1]);
}

#[test]
fn a_project_of_which_only_the_trees_are_left_comes_back() {
    let (world, hashes) = world();
    fs::remove_file(world.current()).unwrap();
    fs::remove_dir_all(world.state().join("projects")).unwrap();
    let run = world.run(&["status", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    world.rollback(Some(&hashes[0].hex()[..8])).unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    world.rollback(Some(&hashes[1].hex()[..8])).unwrap();
    world.assert_intact();
    assert_the_next_install_mends(world);
}

#[test]
fn a_damaged_journal_or_hold_is_kept_under_another_name_and_stops_nothing() {
    for name in ["journal", "hold"] {
        for by_install in [false, true] {
            let (world, hashes) = world();
            let path = world.memory().join(name);
            fs::write(&path, "noise").unwrap();
            if by_install {
                world.registry.change(|served| served.down = false);
                world.install().unwrap();
            } else {
                let (result, notes) = world.rollback_with_notes(None);
                result.unwrap();
                assert!(notes.contains("it is kept as"), "{notes}");
                assert_eq!(world.live(), Some(hashes[0]));
            }
            assert_eq!(fs::read(&kept_of(&path)[0]).unwrap(), b"noise");
            assert_the_next_install_mends(world);
        }
    }
}

/// Status and rollback go on, what lies in the place of `expected` is kept, and the next install
/// mends the rest.
fn assert_what_lies_there_is_kept(world: World, hashes: &[Digest], path: &Path, expected: &str) {
    let name = path.display();
    let run = world.run(&["status"]);
    assert_eq!(run.status, Some(0), "{name}: {run:?}");
    assert!(run.stdout.contains(&hashes[1].short()), "{name}: {run:?}");
    let (result, notes) = world.rollback_with_notes(None);
    result.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(world.live(), Some(hashes[0]));
    assert!(
        notes.contains(&format!("expected {expected}; it is kept as")),
        "{name}: {notes}"
    );
    assert_eq!(kept_of(path).len(), 1, "{name}");
    assert_the_next_install_mends(world);
}

#[test]
fn what_lies_in_the_place_of_a_file_is_kept_and_stops_neither_status_nor_rollback() {
    for name in ["lock", "history", "journal", "hold", "leftovers"] {
        for put in WRONG_TYPES {
            let (world, hashes) = world();
            let path = world.memory().join(name);
            put(&path);
            assert_what_lies_there_is_kept(world, &hashes, &path, "a file");
        }
    }
}

#[test]
fn what_lies_in_the_place_of_a_directory_is_kept_and_stops_neither_status_nor_rollback() {
    for name in [
        "projects",
        "projects/acme%2Fbilling",
        "bundles",
        "trees",
        "spool",
    ] {
        for put in &WRONG_TYPES[1..] {
            let (world, hashes) = world();
            let path = match name {
                "trees" | "spool" => world.memory().join(name),
                name => world.state().join(name),
            };
            put(&path);
            assert_what_lies_there_is_kept(world, &hashes, &path, "a directory");
        }
    }
}

#[test]
fn what_only_people_read_stops_nothing_whatever_lies_there() {
    for put in WRONG_TYPES {
        let (world, hashes) = world();
        put(&world.state().join("synced"));
        put(&world.note(&hashes[0]));
        put(&world.note(&hashes[1]));
        let spool = world.memory().join("spool");
        fs::create_dir_all(&spool).unwrap();
        assert_eq!(world.run(&["status"]).status, Some(0));
        world.rollback(None).unwrap();
        assert_eq!(world.live(), Some(hashes[0]));
        assert_the_next_install_mends(world);
    }
}

#[test]
fn a_lock_that_several_commands_find_damaged_is_held_by_one_of_them_at_a_time() {
    for put in WRONG_TYPES {
        let (world, hashes) = world();
        let path = world.memory().join("lock");
        put(&path);
        let asked: Vec<_> = (0..4)
            .map(|_| {
                let hash = hashes[0].hex();
                let arguments = ["rollback", "acme/billing", &hash, "-m", "outage"];
                let mut command = world.command(&arguments);
                command.stdout(Stdio::null()).stderr(Stdio::null());
                command.spawn().unwrap()
            })
            .collect();
        for mut command in asked {
            assert!(command.wait().unwrap().success());
        }
        assert_eq!(kept_of(&path).len(), 1);
        assert!(path.is_file());
        assert_eq!(world.history().len(), 3);
    }
}

#[test]
fn a_token_file_that_is_not_remembered_any_more_stops_no_install() {
    let (world, _) = world();
    fs::write(world.state().join("token-file"), "noise").unwrap();
    world.registry.change(|served| served.down = false);
    let run = world.run(&["install", "acme/billing", "--channel", "prod"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("token-file` is damaged"), "{run:?}");
    assert!(run.stderr.contains("--token-file FILE"), "{run:?}");
}

#[test]
fn a_first_install_that_fails_leaves_no_memory_of_the_project() {
    let mut world = World::new();
    world.release(&small_tree("one"));
    let log = world.registry.url();
    world.registry.change(|served| served.down = true);
    let run = world.run(&["install", "acme/billing", "--channel", "prod"]);
    assert_eq!(run.status, Some(4), "{log}: {run:?}");
    assert!(!world.memory().exists());
    assert!(!world.memory().exists());
    for command in [
        &["status", "acme/billing"][..],
        &["history", "acme/billing"],
        &["verify", "acme/billing"],
        &["set-aside", "list", "acme/billing"],
        &["rollback", "acme/billing"],
    ] {
        let run = world.run(command);
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(run.stderr.contains("is installed here"), "{run:?}");
        assert!(!world.memory().exists());
    }
    assert_eq!(world.run(&["status", "--json"]).stdout, "[]\n");
    world.registry.change(|served| served.down = false);
    world.install().unwrap();
}

#[test]
fn projects_are_found_below_the_root_when_the_state_is_lost() {
    let (world, hashes) = world();
    fs::remove_dir_all(world.state()).unwrap();
    let found = found(&world);
    assert_eq!(found.project.as_str(), "acme/billing");
    assert_eq!(found.live, Some(hashes[1]));
    assert!(found.problem.is_some());
}

#[test]
fn a_project_whose_own_state_is_lost_is_found_beside_the_others() {
    let (mut world, hashes) = world();
    let first = std::mem::replace(&mut world.project, "acme/shop".parse().unwrap());
    world.registry.change(|served| served.down = false);
    let shop = world.release(&small_tree("shop"));
    world.install().unwrap();
    fs::remove_dir_all(world.memory()).unwrap();
    let listed = world.status(None);
    let names: Vec<_> = listed.iter().map(|found| found.project.as_str()).collect();
    assert_eq!(names, [first.as_str(), "acme/shop"]);
    assert_eq!(listed[0].live, Some(hashes[1]));
    assert_eq!(listed[1].live, Some(shop));
    assert!(listed[1].problem.as_ref().unwrap().contains("history"));
}
