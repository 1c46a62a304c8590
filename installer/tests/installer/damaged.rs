//! A tree that is gone, replaced, hidden by a mount, or of which nothing is known any more: it is
//! said, it hides nothing else, and install and rollback repair it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use bulla_installer::{Outcome, ProjectStatus};
use bulla_schemas::Digest;

use crate::obstacles::Mount;
use crate::world::{World, keeping, request, small_tree};

/// Two releases, of which the second is live.
fn world() -> (World, [Digest; 2]) {
    let mut world = World::new();
    let hashes = ["one\n", "two\n"].map(|version| {
        let hash = world.release(&small_tree(version));
        world.install().unwrap();
        hash
    });
    (world, hashes)
}

fn found(world: &World) -> ProjectStatus {
    world.status(None).remove(0)
}

/// Puts a link to the tree itself, or a file, in its place. Returns where the tree is.
fn replace(world: &World, hash: &Digest, kind: &str) -> PathBuf {
    let (tree, moved) = (world.tree(hash), world.folder.path().join("moved"));
    let moved_by = Command::new("mv").args([&tree, &moved]).status().unwrap();
    assert!(moved_by.success());
    match kind {
        "link" => symlink(&moved, &tree).unwrap(),
        _ => fs::write(&tree, "notes of a person").unwrap(),
    }
    moved
}

#[test]
fn a_link_or_a_file_in_the_place_of_a_tree_is_set_aside_itself() {
    for kind in ["link", "file"] {
        for place in [0, 1] {
            let (mut world, hashes) = world();
            let hash = hashes[place];
            let moved = replace(&world, &hash, kind);
            if place == 1 {
                let problem = found(&world).problem.unwrap();
                assert!(problem.contains(&format!("is a {kind}")), "{problem}");
            } else {
                world.promote(hash);
            }
            let (installed, notes) = world.install_with(&request());
            let outcome = installed.unwrap().outcome;
            assert!(matches!(outcome, Outcome::Written { .. }), "{outcome:?}");
            assert!(
                notes.contains(&format!("a {kind} was in the place")),
                "{notes}"
            );
            assert_eq!(world.live(), Some(hash));
            world.assert_intact();
            let aside = world.set_aside();
            assert_eq!(aside.len(), 1, "{aside:?}");
            match kind {
                "link" => assert_eq!(fs::read_link(&aside[0].path).unwrap(), moved),
                _ => assert_eq!(fs::read(&aside[0].path).unwrap(), b"notes of a person"),
            }
            assert!(moved.join("version.txt").exists());
            assert_eq!(found(&world).problem, None);
        }
    }
}

#[test]
fn a_link_in_the_place_of_a_tree_that_no_release_needs_is_set_aside() {
    let (mut world, hashes) = world();
    let moved = replace(&world, &hashes[0], "link");
    let request = keeping(2);
    world.release(&small_tree("three\n"));
    let (installed, notes) = world.install_with(&request);
    installed.unwrap();
    assert!(notes.contains("a link was in its place"), "{notes}");
    assert!(!notes.contains("stays"), "{notes}");
    assert_eq!(fs::read_link(&world.set_aside()[0].path).unwrap(), moved);
    assert!(moved.join("version.txt").exists());
}

#[test]
fn a_live_tree_that_is_gone_is_said_and_made_again() {
    let (world, hashes) = world();
    let live = hashes[1].hex();
    for by_rollback in [true, false] {
        // With what the tree alone held still on this disk.
        let copy = world.site().join("set-aside").join(format!("{live}-1"));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let _ = fs::remove_dir_all(&copy);
        fs::rename(world.tree(&hashes[1]), &copy).unwrap();
        let problem = found(&world).problem.unwrap();
        assert!(problem.contains("is gone"), "{problem}");
        let run = world.run(&["status"]);
        assert!(run.stdout.contains("unknown"), "{run:?}");
        assert!(
            run.stderr
                .contains(" install acme/billing --channel prod` repairs it"),
            "{run:?}"
        );
        assert!(
            run.stderr
                .contains(&format!("set-aside remove acme/billing {live}-1`")),
            "{run:?}"
        );
        if by_rollback {
            let same = world.rollback(Some(&live)).unwrap();
            assert_eq!(same.left, Some(same.hash));
            assert_eq!(found(&world).hold, None);
        } else {
            world.install().unwrap();
        }
        world.assert_intact();
        assert_eq!(found(&world).problem, None);
    }
}

#[test]
fn a_rollback_to_the_damaged_live_release_repairs_it() {
    let (world, hashes) = world();
    let edited = world.current().join("share/read me.txt");
    fs::write(&edited, "ad meer\n").unwrap();
    let (same, notes) = world.rollback_with_notes(Some(&hashes[1].hex()));
    assert_eq!(same.unwrap().hash, hashes[1]);
    assert!(notes.contains("changed `share/read me.txt`"), "{notes}");
    world.assert_intact();
    let kept = world.set_aside()[0].path.join("share/read me.txt");
    assert_eq!(fs::read_to_string(kept).unwrap(), "ad meer\n");
}

#[test]
fn a_live_tree_that_cannot_be_compared_is_said() {
    let (world, hashes) = world();
    let index = world
        .state()
        .join("bundles")
        .join(hashes[1].hex())
        .join("index.jsonl");
    fs::write(index, "{}\n").unwrap();
    fs::write(world.current().join("version.txt"), "edited\n").unwrap();
    let problem = found(&world).problem.unwrap();
    assert!(problem.contains("cannot be compared"), "{problem}");
    world.install().unwrap();
    assert_eq!(found(&world).problem, None);
    world.assert_intact();
}

#[test]
fn a_mount_on_the_live_tree_is_named_and_hides_no_status() {
    let (world, hashes) = world();
    let tree = world.tree(&hashes[1]);
    let Some(mount) = Mount::tmpfs(&tree, "mode=0755") else {
        return;
    };
    let found_now = found(&world);
    assert_eq!(found_now.live, Some(hashes[1]));
    let problem = found_now.problem.unwrap();
    assert!(problem.contains(tree.to_str().unwrap()), "{problem}");
    assert!(problem.contains("unmount it"), "{problem}");
    let live = hashes[1].hex();
    for arguments in [
        &["verify", "acme/billing"][..],
        &["rollback", "acme/billing", &live],
        &["install", "acme/billing", "--channel", "prod"],
    ] {
        let run = world.run(arguments);
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(run.stderr.contains("hint: unmount it"), "{run:?}");
    }
    drop(mount);
    world.assert_intact();
}

#[test]
fn what_cannot_be_read_of_a_project_hides_nothing_else() {
    let (world, hashes) = world();
    let project = world.state().join("projects/acme%2Fbilling");
    fs::write(project.join("history"), "no history\n").unwrap();
    fs::write(project.join("hold"), "no hold\n").unwrap();
    let run = world.run(&["status"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stdout.contains(&hashes[1].short()), "{run:?}");
    for name in ["history", "hold"] {
        assert!(
            run.stderr.contains(&format!("{name}` is damaged")),
            "{run:?}"
        );
    }
}

#[test]
fn a_link_in_the_place_of_a_folder_hides_nothing_and_is_not_intact() {
    for name in ["releases", "persist"] {
        let (world, hashes) = world();
        let moved = world.folder.path().join("moved");
        fs::rename(world.site().join(name), &moved).unwrap();
        symlink(&moved, world.site().join(name)).unwrap();
        let found = found(&world);
        assert_eq!(found.live, Some(hashes[1]));
        assert!(
            found
                .problem
                .unwrap()
                .contains(&format!("{name}` is a link"))
        );
        let run = world.run(&["verify", "acme/billing"]);
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(run.stderr.contains("hint: move it away"), "{run:?}");
    }
}

#[test]
fn a_rollback_with_nothing_before_names_the_command_that_goes_to_a_later_release() {
    let (world, hashes) = world();
    world.rollback(None).unwrap();
    let run = world.run(&["rollback", "acme/billing", "-m", "because"]);
    let command = format!("rollback acme/billing {}`", hashes[1].short());
    assert!(run.stderr.contains(&command), "{run:?}");
}
