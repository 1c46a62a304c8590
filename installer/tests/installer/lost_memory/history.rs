//! The history of activations is lost, or does not say all.

use std::fs;
use std::path::Path;

use bulla_installer::{ActivationAction, InstallRequest, RollbackError};
use bulla_schemas::Timestamp;

use super::{LOSSES, assert_the_next_install_mends, problem, world};
use crate::world::{NOW, World, releasing, request, small_tree};

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
