//! A person keeps a server on a release.

use bulla_installer::{HoldKind, HoldPolicy, Outcome, Standing};

use crate::world::{INSTALL, World, releasing, request, small_tree};

fn kind(world: &World) -> Option<HoldKind> {
    let found = &world.status(None)[0];
    assert_eq!(found.hold.is_some(), found.standing == Standing::Held);
    found.hold.as_ref().map(|hold| hold.kind)
}

#[test]
fn what_a_person_rolled_back_from_does_not_come_straight_back() {
    // R2: the rolled-back version comes straight back.
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n", "three\n"]);
    world.rollback(None).unwrap();
    world.rollback(None).unwrap();
    for _ in 0..2 {
        let installed = world.install().unwrap();
        assert!(
            matches!(installed.outcome, Outcome::Held(_)),
            "{installed:?}"
        );
        assert_eq!(installed.hash, hashes[0]);
    }
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(
        run.stderr.contains("unchanged: acme/billing prod: held on"),
        "{run:?}"
    );
    assert!(run.stderr.contains("it was slow"), "{run:?}");
    assert_eq!(run.stdout.trim(), hashes[0].to_string());
    let run = world.run(&[&INSTALL[..], &["--json"]].concat());
    assert!(
        run.stdout.contains(r#""hold""#) && run.stdout.contains(r#""changed": false"#),
        "{run:?}"
    );
    let run = world.run(&[&INSTALL[..], &["--dry-run"]].concat());
    assert!(run.stderr.contains("held on"), "{run:?}");
    // The channel moves on.
    let fourth = world.release(&small_tree("four\n"));
    world.install().unwrap();
    assert_eq!((world.live(), kind(&world)), (Some(fourth), None));
}

#[test]
fn the_channel_that_goes_back_itself_ends_a_hold() {
    // R1: a channel that is rolled back takes its servers along.
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    world.rollback(None).unwrap();
    world.promote(hashes[0]);
    let installed = world.install().unwrap();
    assert_eq!(installed.hash, hashes[0]);
    assert_eq!(kind(&world), None);
    world.promote(hashes[1]);
    world.install().unwrap();
    assert_eq!(world.live(), Some(hashes[1]));
}

#[test]
fn a_host_file_may_say_that_only_a_person_ends_a_hold() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    world.rollback(None).unwrap();
    let third = world.release(&small_tree("three\n"));
    let mut until_release = request();
    until_release.config.hold = HoldPolicy::UntilRelease;
    let installed = world.install_with(&until_release).0.unwrap();
    assert_eq!(installed.hash, hashes[0]);
    let run = world.run(&["release", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    world.install_with(&until_release).0.unwrap();
    assert_eq!(world.live(), Some(third));
}

#[test]
fn a_held_server_stays_where_it_is_until_a_person_releases_it() {
    let mut world = World::new();
    let first = world.install_each(&["one\n"])[0];
    let run = world.run(&["hold", "acme/billing"]);
    assert_eq!(run.status, Some(2), "{run:?}");
    let run = world.run(&["hold", "acme/billing", "-m", "audit"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(kind(&world), Some(HoldKind::Hold));
    // The head is live: that ends nothing.
    world.install().unwrap();
    assert_eq!(kind(&world), Some(HoldKind::Hold));
    world.release(&small_tree("two\n"));
    world.install().unwrap();
    assert_eq!(world.live(), Some(first));
    let run = world.run(&["status"]);
    assert!(
        run.stderr.contains("held on") && run.stderr.contains("audit"),
        "{run:?}"
    );
    let third = world.release(&small_tree("three\n"));
    world.install_with(&releasing()).0.unwrap();
    assert_eq!((world.live(), kind(&world)), (Some(third), None));
    let run = world.run(&["release", "acme/billing"]);
    assert!(run.stderr.contains("was not held"), "{run:?}");
}

#[test]
fn a_rollback_of_a_held_server_is_held_as_long() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    world.run(&["hold", "acme/billing", "-m", "audit"]);
    world.rollback(None).unwrap();
    assert_eq!(
        (world.live(), kind(&world)),
        (Some(hashes[0]), Some(HoldKind::Hold))
    );
    world.release(&small_tree("three\n"));
    world.install().unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
}

#[test]
fn a_pinned_server_goes_to_the_release_and_stays_there() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n", "three\n"]);
    let one = &hashes[0].hex()[..8];
    world.registry.change(|served| served.down = true);
    for _ in 0..2 {
        let run = world.run(&["pin", "acme/billing", one, "-m", "until the migration"]);
        assert_eq!(run.status, Some(0), "{run:?}");
        assert!(run.stderr.contains("pinned"), "{run:?}");
        assert_eq!(
            (world.live(), kind(&world)),
            (Some(hashes[0]), Some(HoldKind::Pin))
        );
    }
    let run = world.run(&["pin", "acme/billing", "0123456789", "-m", "no"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    world.registry.change(|served| served.down = false);
    world.release(&small_tree("four\n"));
    world.install().unwrap();
    assert_eq!(
        (world.live(), kind(&world)),
        (Some(hashes[0]), Some(HoldKind::Pin))
    );
    // A pinned tree that was edited is made again, and stays pinned.
    let edited = world.tree(&hashes[0]).join("version.txt");
    std::fs::write(edited, "edited").unwrap();
    let run = world.run(&[&INSTALL[..4], &[one, "--pin-old"]].concat());
    assert_eq!(run.status, Some(0), "{run:?}");
    world.assert_intact();
    assert_eq!(kind(&world), Some(HoldKind::Pin));
    for hash in &hashes {
        assert!(world.tree(hash).exists());
    }
}

#[test]
fn an_earlier_release_that_a_person_asked_for_stays_until_the_channel_moves() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    let one = &hashes[0].short();
    let run = world.run(&[&INSTALL[..4], &[one, "--pin-old"]].concat());
    assert_eq!(run.status, Some(0), "{run:?}");
    let said = "as after a rollback: a newer promotion ends that";
    assert!(run.stderr.contains(said), "{run:?}");
    // What the agent does at its next look.
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("held on"), "{run:?}");
    assert_eq!(
        (world.live(), kind(&world)),
        (Some(hashes[0]), Some(HoldKind::Rollback))
    );
    let three = world.release(&small_tree("three\n"));
    world.install().unwrap();
    assert_eq!((world.live(), kind(&world)), (Some(three), None));
}

#[test]
fn a_project_of_which_nothing_is_live_cannot_be_held() {
    let world = World::new();
    for command in ["hold", "pin"] {
        let mut arguments = vec![command, "acme/billing", "-m", "why not"];
        if command == "pin" {
            arguments.push("0123456789");
        }
        let run = world.run(&arguments);
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(
            run.stderr
                .contains("nothing of `acme/billing` is installed here"),
            "{run:?}"
        );
    }
}
