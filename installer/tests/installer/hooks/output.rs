//! What hooks wrote is kept for a while, and each attempt's apart.

use super::{ACTIVATE, PREPARE, tree_with};
use crate::world::{World, small_tree};

#[test]
fn what_a_failed_attempt_wrote_stays_its_own_whatever_is_made_live_after_it() {
    // R12: the reason is swallowed, and the evidence deleted.
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let failing = tree_with(&world, "two", "echo attempt two; exit 3");
    world.release_with(&failing, PREPARE);
    assert!(world.install().is_err());
    assert!(world.install().is_err());
    let output = |number: &str| world.run(&["history", "acme/billing", "--output", number]);
    assert!(output("2").stdout.contains("attempt two"));
    assert!(output("3").stdout.contains("attempt two"));
    // A release in which nothing runs, and one that writes.
    let third = world.release(&small_tree("three\n"));
    world.install().unwrap();
    let writing = tree_with(&world, "four", "echo four works");
    let fourth = world.release_with(&writing, PREPARE);
    world.install().unwrap();
    let numbers: Vec<_> = world
        .history()
        .iter()
        .map(|made| (made.number, made.hash))
        .collect();
    assert_eq!(numbers, [(1, first), (4, third), (5, fourth)]);
    let output = |number: &str| world.run(&["history", "acme/billing", "--output", number]);
    assert!(output("2").stdout.contains("attempt two"));
    let of_third = output("4");
    assert_eq!(of_third.status, Some(1), "{of_third:?}");
    assert!(
        of_third.stderr.contains("no output of activation 4"),
        "{of_third:?}"
    );
    let of_fourth = output("5").stdout;
    assert!(
        of_fourth.contains("four works") && !of_fourth.contains("attempt two"),
        "{of_fourth}"
    );
}

#[test]
fn attempts_again_and_again_do_not_push_out_what_activations_wrote() {
    // R12: the reason is swallowed, and the evidence deleted.
    let mut world = World::new();
    world.release_with(&tree_with(&world, "one", "echo one works"), PREPARE);
    world.install().unwrap();
    world.release_with(&tree_with(&world, "two", "exit 3"), PREPARE);
    for _ in 0..22 {
        assert!(world.install().is_err());
    }
    let output = |number: &str| world.run(&["history", "acme/billing", "--output", number]);
    assert!(output("1").stdout.contains("one works"));
    assert_eq!(output("2").status, Some(1));
    assert_eq!(output("23").status, Some(0));
}

#[test]
fn output_is_kept_for_twenty_activations() {
    let mut world = World::new();
    for number in 1..=23 {
        world.release_with(
            &tree_with(&world, &number.to_string(), "echo activated"),
            ACTIVATE,
        );
        world.install().unwrap();
    }
    let kept =
        |number| bulla_installer::output(&world.server(), &world.project, Some(number)).unwrap();
    assert!(kept(23).unwrap().1.contains("out| activated"));
    assert!(kept(4).is_some() && kept(3).is_none());
}
