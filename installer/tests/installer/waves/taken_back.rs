//! A channel that is rolled back: at once where that undoes something, and no sooner than as it was
//! promoted where it is new.

use bulla_installer::{ActivationAction, Outcome};
use bulla_schemas::Digest;

use super::{CLOSED, after, in_waves, install, promote_in, waits};
use crate::world::{World, now, releasing};

#[test]
fn a_channel_that_is_rolled_back_waits_for_no_window_unless_that_was_signed() {
    for patient in [false, true] {
        let mut world = World::new();
        let hashes = world.install_each(&["one\n", "two\n"]);
        let mut rollback = world.organisation.draft("prod", hashes[0]);
        rollback.predicate.urgent = patient.then_some(false);
        let verdict = world.organisation.append_promotion(&rollback, &["alice"]);
        assert!(verdict.is_effective(), "{verdict:?}");
        world.serve_log();
        let section = format!("wave = 9\n{CLOSED}");
        if patient {
            waits(&world, &after(&section, 0), hashes[1]);
        } else {
            install(&world, &after(&section, 0));
            assert_eq!(world.live(), Some(hashes[0]));
        }
    }
}

/// Points `prod` to what it pointed to before, now.
pub(super) fn take_back(world: &mut World, hash: Digest) {
    let mut rollback = world.organisation.draft("prod", hash);
    rollback.predicate.issued_at = now();
    let verdict = world.organisation.append_promotion(&rollback, &["alice"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
}

#[test]
fn a_rollback_of_the_channel_moves_no_waiting_server_to_a_release_that_it_never_had() {
    for waves in ["manual", "10m"] {
        let (mut world, old, next) = in_waves(waves, false);
        waits(&world, &after("wave = 2", 0), old);
        promote_in(&mut world, "last\n", "{}", waves, false);
        waits(&world, &after("wave = 2", 0), old);
        take_back(&mut world, next);
        let waiting = waits(&world, &after("wave = 2", 599), old);
        let closed = format!("wave = 1\n{CLOSED}");
        let window = waits(&world, &after(&closed, 599), old);
        assert!(window.reason.contains("window"), "{window:?}");
        if waves == "manual" {
            assert_eq!(
                waiting.reason,
                "waits as wave 2 until another release is promoted, since the channel was rolled \
                 back to one that is new here; wave 1 may"
            );
            waits(&world, &after("wave = 2", 9_999_999), old);
            install(&world, &after("wave = 1", 0));
        } else {
            install(&world, &after("wave = 2", 600));
        }
        assert_eq!(world.live(), Some(next));
    }
}

#[test]
fn a_rollback_of_the_channel_to_what_a_waiting_server_has_leaves_it_current() {
    let (mut world, old, _) = in_waves("manual", false);
    waits(&world, &after("wave = 2", 0), old);
    take_back(&mut world, old);
    let before = world.history();
    let installed = install(&world, &after(&format!("wave = 2\n{CLOSED}"), 0));
    assert_eq!(installed.outcome, Outcome::AlreadyLive);
    assert_eq!(world.history(), before);
}

#[test]
fn a_rollback_of_the_channel_is_one_in_the_history_and_no_local_one_goes_back_to_what_it_left() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    take_back(&mut world, hashes[0]);
    install(&world, &after(CLOSED, 0));
    assert_eq!(world.live(), Some(hashes[0]));
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!(last.action, ActivationAction::Rollback);
    assert_eq!((last.by.as_deref(), last.promotion.seq), (None, 3));
    let run = world.run(&["history", "acme/billing"]);
    let line = run.stdout.lines().last().unwrap();
    assert!(
        line.contains("rollback") && line.contains("alice"),
        "{run:?}"
    );
    // What people took back on the channel is not the one before.
    world.rollback(None).unwrap_err();
    // The channel is followed as before, also without a host file.
    let run = world.run(&["install", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
}

#[test]
fn a_rollback_of_the_channel_that_comes_a_second_time_is_still_that_of_its_people() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n", "three\n"]);
    take_back(&mut world, hashes[1]);
    install(&world, &after("", 0));
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    install(&world, &releasing());
    assert_eq!(world.live(), Some(hashes[1]));
    let promoted = &world.history()[3].promotion.reason;
    let run = world.run(&["history", "acme/billing"]);
    let lines: Vec<_> = run.stdout.lines().collect();
    let last = lines[lines.len() - 1];
    assert!(last.contains("alice") && last.contains(promoted), "{run:?}");
    let persons = lines[lines.len() - 2];
    assert!(persons.contains("it was slow"), "{run:?}");
}
