//! What this server remembers is lost or damaged. None of it stands between a person and a rollback,
//! and an install of another release mends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_installer::{
    ActivationAction, InstallError, InstallRequest, ProjectStatus, RollbackError, Standing,
};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::{Digest, Timestamp};

use crate::world::{NOW, World, releasing, request, small_tree};

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
const LOSSES: [fn(&Path); 4] = [
    |path| fs::remove_file(path).unwrap(),
    |path| fs::write(path, "").unwrap(),
    |path| fs::write(path, b"\xff\x00 noise").unwrap(),
    |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    },
];

#[test]
fn a_rollback_goes_to_an_intact_tree_whatever_is_lost_of_its_bundle() {
    for part in ["manifest.json", "release.json", "frames", "index.jsonl"] {
        for (number, lose) in LOSSES.iter().enumerate() {
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
fn a_lost_log_stops_no_rollback_and_comes_back_with_the_next_install() {
    for lose in LOSSES {
        let (world, hashes) = world();
        let state = world.state().join("log/state");
        lose(&state);
        assert!(problem(&world).contains(state.to_str().unwrap()));
        assert!(problem(&world).contains("bulla-installer install"));
        assert_eq!(found(&world).live, Some(hashes[1]));
        let (result, notes) = world.rollback_with_notes(None);
        result.unwrap();
        assert!(notes.contains("cannot be told"), "{notes}");
        assert!(notes.contains(state.to_str().unwrap()), "{notes}");
        assert_eq!(found(&world).standing, Standing::Held);
        if state.is_dir() {
            fs::remove_dir(&state).unwrap();
        }
        let run = world.run(&["install", "acme/billing", "--channel", "prod"]);
        assert_eq!(run.status, Some(4), "{run:?}");
        assert!(run.stderr.contains("is lost or damaged"), "{run:?}");
        assert_the_next_install_mends(world);
    }
}

#[test]
fn a_lost_log_is_not_replaced_by_a_shorter_or_forked_one() {
    for without_checkpoint in [false, true] {
        let mut world = World::new();
        let shorter = world.organisation.clone();
        let mut fork = world.organisation.clone();
        let hashes = world.install_each(&["one", "two"]);
        for name in ["a", "b", "c", "d", "e"] {
            fork.publish(&world.project, name);
        }
        let log = world.state().join("log");
        fs::remove_file(log.join("state")).unwrap();
        if without_checkpoint {
            fs::remove_file(log.join("checkpoint")).unwrap();
        }
        for other in [shorter, fork] {
            world.registry.change(|served| {
                for (path, bytes) in other.files() {
                    served.files.insert(format!("/log/{path}"), bytes);
                }
            });
            let error = world.install().unwrap_err();
            // Without the checkpoint, the history of activations knows more than the anchor.
            let is_refused =
                error.kind() == FailureKind::Refused || matches!(error, InstallError::Resolve(_));
            assert!(is_refused, "{error:?}");
            assert_eq!(world.live(), Some(hashes[1]));
        }
    }
}

#[test]
fn a_lost_address_stops_no_rollback_and_enrolling_brings_it_back() {
    for lose in LOSSES {
        let (world, hashes) = world();
        let registry = world.state().join("log/registry.json");
        let url = world.registry.url();
        lose(&registry);
        let said = problem(&world);
        assert!(said.contains("bulla-installer enroll"), "{said}");
        assert_eq!(found(&world).head, Some(hashes[1]));
        world.rollback(None).unwrap();
        assert_eq!(world.live(), Some(hashes[0]));
        let run = world.run(&["install", "acme/billing", "--channel", "prod"]);
        assert!(run.stderr.contains(" enroll URL ANCHOR`"), "{run:?}");
        if registry.is_dir() {
            continue;
        }
        // A shorter log does not come in by this door either.
        world.registry.change(|served| served.down = false);
        let anchor = world.organisation.anchor().to_string();
        let (files, first) = world.registry.change(|served| {
            let files = served.files.clone();
            (files, bulla_trust::testing::Organisation::new())
        });
        world.registry.change(|served| {
            for (path, bytes) in first.files() {
                served.files.insert(format!("/log/{path}"), bytes);
            }
        });
        let run = world.run(&["enroll", &url, &first.anchor().to_string()]);
        assert_eq!(run.status, Some(3), "{run:?}");
        world.registry.change(|served| served.files = files);
        let run = world.run(&["enroll", &url, &anchor]);
        assert_eq!(run.status, Some(0), "{run:?}");
        assert_the_next_install_mends(world);
    }
}

#[test]
fn a_bad_line_in_the_history_is_named_and_kept_and_stops_nothing() {
    for place in [0, 1, 2] {
        let (world, hashes) = world();
        let path = world.memory().join("history");
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(place, "{\"number\":");
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let expected = format!("line {}", place + 1);
        assert!(problem(&world).contains(&expected), "{}", problem(&world));
        let run = world.run(&["history", "acme/billing"]);
        assert_eq!(run.status, Some(0), "{run:?}");
        assert_eq!(run.stdout.lines().count(), 3, "{run:?}");
        assert!(run.stderr.contains(&expected), "{run:?}");
        let (result, notes) = world.rollback_with_notes(None);
        result.unwrap();
        assert!(notes.contains(&expected), "{notes}");
        assert_eq!(world.live(), Some(hashes[0]));
        world.registry.change(|served| served.down = false);
        world.install_with(&releasing()).0.unwrap();
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .contains("{\"number\":\n")
        );
        assert_eq!(world.history().len(), 4);
    }
}

#[test]
fn a_lost_history_is_written_again_from_what_is_there() {
    for lose in LOSSES {
        for log_too in [false, true] {
            let (world, hashes) = world();
            lose(&world.memory().join("history"));
            if log_too {
                fs::remove_dir_all(world.state().join("log")).unwrap();
            }
            let listed = world.status(None);
            assert_eq!(listed[0].live, Some(hashes[1]));
            let said = listed[0].problem.as_ref().unwrap();
            assert!(said.contains("history"), "{said}");
            let (result, notes) = world.rollback_with_notes(None);
            result.unwrap();
            assert_eq!(world.live(), Some(hashes[0]));
            assert!(notes.contains("is written there again"), "{notes}");
            let history = world.history();
            let hash_of = |position: usize| history[position].hash;
            assert_eq!(history.len(), 3);
            assert_eq!(
                [hash_of(0), hash_of(1), hash_of(2)],
                [hashes[0], hashes[1], hashes[0]]
            );
            assert_eq!(history[1].action, ActivationAction::Recovered);
            assert_eq!(history[1].promotion.reason, "because");
            assert_eq!(history[1].promotion.seq, if log_too { 0 } else { 2 });
            if !log_too {
                assert_the_next_install_mends(world);
            }
        }
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
            fs::write(world.memory().join(name), "noise").unwrap();
            if by_install {
                world.registry.change(|served| served.down = false);
                world.install().unwrap();
            } else {
                let (result, notes) = world.rollback_with_notes(None);
                result.unwrap();
                assert!(notes.contains("it is kept as"), "{notes}");
                assert_eq!(world.live(), Some(hashes[0]));
            }
            let kept = fs::read_dir(world.memory()).unwrap();
            let kept: Vec<PathBuf> = kept.map(|entry| entry.unwrap().path()).collect();
            let kept = kept
                .iter()
                .find(|path| path.to_str().unwrap().contains(&format!("{name}.damaged-")))
                .unwrap();
            assert_eq!(fs::read(kept).unwrap(), b"noise");
            assert_the_next_install_mends(world);
        }
    }
}

#[test]
fn a_switch_that_was_not_written_down_is_written_down_by_the_next_command() {
    let (world, hashes) = world();
    fs::remove_file(world.current()).unwrap();
    let target = Path::new("releases").join(hashes[0].hex());
    std::os::unix::fs::symlink(target, world.current()).unwrap();
    assert!(
        problem(&world).contains("not in the history"),
        "{}",
        problem(&world)
    );
    // Back to what was before, never forward.
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(error, RollbackError::NothingBefore { .. }),
        "{error}"
    );
    let history = world.history();
    assert_eq!(history.last().unwrap().action, ActivationAction::Recovered);
    assert_eq!(history.last().unwrap().hash, hashes[0]);
    assert_the_next_install_mends(world);
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
fn a_rollback_without_a_history_never_goes_forward_to_what_was_left() {
    for is_hold_left in [true, false] {
        let mut world = World::new();
        let mut install = |day: i64| {
            let hash = world.release(&small_tree(&day.to_string()));
            let now = Timestamp::from_seconds(NOW + day * 86_400).unwrap();
            let request = InstallRequest { now, ..request() };
            world.install_with(&request).0.unwrap();
            hash
        };
        let hashes = [1, 2, 3].map(&mut install);
        world.rollback(None).unwrap();
        assert_eq!(world.live(), Some(hashes[1]));
        fs::remove_file(world.memory().join("history")).unwrap();
        if !is_hold_left {
            fs::remove_file(world.memory().join("hold")).unwrap();
        }
        world.rollback(None).unwrap();
        assert_eq!(world.live(), Some(hashes[0]));
        fs::remove_file(world.memory().join("history")).unwrap();
        let error = world.rollback(None).unwrap_err();
        assert!(
            matches!(error, RollbackError::NothingBefore { .. }),
            "{error}"
        );
        assert_eq!(world.live(), Some(hashes[0]));
    }
}

#[test]
fn a_lost_history_says_nothing_that_never_happened() {
    let mut world = World::new();
    let hashes = world.install_each(&["one", "two"]);
    // The first again, for another reason, which this server has not installed.
    world.promote(hashes[0]);
    fs::remove_file(world.memory().join("history")).unwrap();
    let run = world.run(&["history", "acme/billing"]);
    assert!(run.stderr.contains("is lost"), "{run:?}");
    world.rollback(None).unwrap();
    let first = &world.history()[0];
    assert_eq!((first.hash, first.promotion.seq), (hashes[0], 1));
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
