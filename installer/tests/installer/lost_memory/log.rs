//! The log is lost, or which registry it is from.

use std::fs;

use bulla_installer::{InstallError, Standing};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use super::{LOSSES, assert_the_next_install_mends, found, problem, world};
use crate::world::{World, small_tree};

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
fn nothing_is_made_live_by_a_log_that_cannot_be_written_down() {
    let mut world = World::new();
    let hashes = world.install_each(&["one"]);
    let two = world.release(&small_tree("two"));
    let checkpoint = world.state().join("log/checkpoint");
    fs::remove_file(&checkpoint).unwrap();
    fs::create_dir(&checkpoint).unwrap();
    let error = world.install().unwrap_err();
    assert!(
        matches!(&error, InstallError::Fetch(error) if error.to_string().contains("checkpoint")),
        "{error:?}"
    );
    assert_eq!(world.live(), Some(hashes[0]));
    fs::remove_dir(&checkpoint).unwrap();
    world.install().unwrap();
    assert_eq!(world.live(), Some(two));
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
