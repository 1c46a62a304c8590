//! A release that failed here is not tried here again by itself.

use std::fs;

use bulla_bundle::MemoryTree;
use bulla_installer::InstallError;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{World, keeping, small_tree};

const ACTIVATE: &str = r#"{"hooks":{"activate":["bin/start"]}}"#;

/// A release whose start fails while the file `broken` is there, and counts its starts.
fn starting(world: &World, version: &str) -> MemoryTree {
    let folder = world.folder.path().display();
    let script = format!("#!/bin/sh\necho start >> {folder}/starts\ntest ! -e {folder}/broken\n");
    small_tree(version).executable("bin/start", script).unwrap()
}

fn starts(world: &World) -> usize {
    let text = fs::read_to_string(world.folder.path().join("starts"));
    text.unwrap_or_default().lines().count()
}

fn break_it(world: &World, is_broken: bool) {
    let path = world.folder.path().join("broken");
    if is_broken {
        fs::write(path, "").unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

fn refused(world: &World) -> InstallError {
    let before = starts(world);
    let error = world.install().unwrap_err();
    assert!(matches!(error, InstallError::Quarantined { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(starts(world), before);
    error
}

#[test]
fn a_release_that_failed_does_not_come_straight_back() {
    // R2: the rolled-back version comes straight back.
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    break_it(&world, true);
    let bad = world.release_with(&starting(&world, "two\n"), ACTIVATE);
    assert_eq!(world.install().unwrap_err().kind(), FailureKind::RolledBack);
    let error = refused(&world);
    assert!(error.to_string().contains(&bad.short()), "{error}");
    assert!(error.to_string().contains("`activate`"), "{error}");
    assert!(error.hint().unwrap().contains("retry acme/billing"));
    refused(&world);
    assert_eq!((world.live(), starts(&world)), (Some(first), 1));

    // It is fixed on the server, and a person says so.
    break_it(&world, false);
    refused(&world);
    let run = world.run(&["retry", "acme/billing", &bad.hex()[..8]]);
    assert_eq!(run.status, Some(0), "{run:?}");
    world.install().unwrap();
    assert_eq!(world.live(), Some(bad));
    let found = &world.status(None)[0];
    assert_eq!(found.quarantine, []);
}

#[test]
fn a_newer_promotion_is_tried_be_it_of_the_same_release_or_of_another() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    break_it(&world, true);
    let bad = world.release_with(&starting(&world, "two\n"), ACTIVATE);
    world.install().unwrap_err();
    let fixed = world.release(&small_tree("three\n"));
    world.install().unwrap();
    assert_eq!(world.live(), Some(fixed));
    // Promoted again after all.
    world.promote(bad);
    assert_eq!(world.install().unwrap_err().kind(), FailureKind::RolledBack);
    assert_eq!(world.live(), Some(fixed));
    break_it(&world, false);
    refused(&world);
    world.promote(fixed);
    world.install().unwrap();
    world.promote(bad);
    world.install().unwrap();
    assert_eq!(world.live(), Some(bad));
}

#[test]
fn retry_names_what_failed_and_refuses_what_did_not() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    let run = world.run(&["retry", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("no release failed here"), "{run:?}");
    let run = world.run(&["retry", "acme/billing", "0123456789"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    let run = world.run(&["retry", "acme/nope"]);
    assert_eq!(run.status, Some(1), "{run:?}");
}

#[test]
fn retry_knows_of_an_attempt_that_changed_nothing() {
    let prepare = r#"{"hooks":{"prepare":["bin/start"]}}"#;
    let mut world = World::new();
    break_it(&world, true);
    let bad = world.release_with(&starting(&world, "one\n"), prepare);
    // Of a first install, nothing but that is known.
    world.install().unwrap_err();
    let said = format!(
        "{} may be tried again; it could not be made live",
        bad.short()
    );
    for asked in [
        &["retry", "acme/billing"][..],
        &["retry", "acme/billing", &bad.hex()[..8]],
    ] {
        let run = world.run(asked);
        assert_eq!(run.status, Some(0), "{run:?}");
        assert!(
            run.stderr.contains(&said) && run.stderr.contains("ended with status"),
            "{run:?}"
        );
        assert!(!run.stderr.contains("no release failed here"), "{run:?}");
        // Nothing is proved by that, and it can be said again.
        let run = world.run(&["retry", "acme/billing", &bad.hex()[..8]]);
        assert_eq!(run.status, Some(0), "{run:?}");
        world.install().unwrap_err();
    }
    let run = world.run(&["retry", "acme/billing", "0123456789"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(
        run.stderr
            .contains(&format!("failed here: {}", bad.short())),
        "{run:?}"
    );
    break_it(&world, false);
    world.install().unwrap();
    assert_eq!(world.live(), Some(bad));
    let run = world.run(&["retry", "acme/billing"]);
    assert!(run.stderr.contains("no release failed here"), "{run:?}");
}

#[test]
fn a_rollback_goes_to_a_release_that_failed_when_a_person_names_it() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    break_it(&world, true);
    let bad = world.release_with(&starting(&world, "two\n"), ACTIVATE);
    world.install().unwrap_err();
    break_it(&world, false);
    world.rollback(Some(&bad.hex())).unwrap();
    assert_eq!(world.live(), Some(bad));
}

#[test]
fn retention_counts_releases_that_failed_apart() {
    // R4: retention deletes the last good release. R12: evidence is deleted with the failed one.
    let mut world = World::new();
    let good = world.install_each(&["one\n", "two\n"]);
    break_it(&world, true);
    let bad = ["three\n", "four\n", "five\n"].map(|version| {
        let hash = world.release_with(&starting(&world, version), ACTIVATE);
        world.install_with(&keeping(2)).0.unwrap_err();
        hash
    });
    let mut kept: Vec<String> = [good[0], good[1], bad[1], bad[2]]
        .map(|hash| hash.hex())
        .into();
    kept.sort();
    assert_eq!(world.trees(), kept);
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(good[0]));
}

#[test]
fn a_quarantine_that_is_damaged_stops_nothing_and_is_kept() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    fs::write(world.memory().join("quarantine"), "[{").unwrap();
    world.release(&small_tree("two\n"));
    world.install().unwrap();
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(first));
    let names = fs::read_dir(world.memory()).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name());
    assert!(names.any(|name| name.to_string_lossy().starts_with("quarantine.damaged-")));
}
