//! What lies in a server's directories that the installer did not put there, or not in this way.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use bulla_schemas::outcome::FailureKind;

use crate::world::{World, small_tree};

const INSTALL: [&str; 4] = ["install", "acme/billing", "--channel", "prod"];

#[test]
fn a_state_directory_that_others_may_write_is_refused_by_every_command() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    assert_eq!(world.run(&INSTALL).status, Some(0));
    for mode in [0o770, 0o702] {
        fs::set_permissions(world.state(), Permissions::from_mode(mode)).unwrap();
        for command in [
            &INSTALL[..],
            &["status"],
            &["verify", "acme/billing"],
            &["history", "acme/billing"],
            &["rollback", "acme/billing"],
            &["set-aside", "list"],
        ] {
            let run = world.run(command);
            let refused = i32::from(FailureKind::Refused.exit_status());
            assert_eq!(run.status, Some(refused), "{run:?}");
            assert!(run.stderr.contains("may write into"), "{run:?}");
            assert!(run.stderr.contains("hint: "), "{run:?}");
        }
    }
    fs::set_permissions(world.state(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(world.run(&INSTALL).status, Some(0));
}

#[test]
fn folders_that_the_installer_did_not_make_are_left_as_they_are() {
    for name in ["releases", "persist", "set-aside"] {
        let mut world = World::new();
        world.release(&small_tree("one\n"));
        let elsewhere = world.folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::create_dir_all(world.site()).unwrap();
        symlink(&elsewhere, world.site().join(name)).unwrap();
        let run = world.run(&INSTALL);
        assert_eq!(run.status, Some(1), "{run:?}");
        assert!(
            run.stderr.contains(&format!("{name}` is a link")),
            "{run:?}"
        );
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        assert_eq!(world.live(), None);
    }
}

#[test]
fn releases_of_another_program_are_not_taken_over() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    let theirs = world.site().join("releases/20261128063949/index.php");
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, "<?php").unwrap();
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stderr.contains("20261128063949"), "{run:?}");
    assert_eq!(fs::read(&theirs).unwrap(), b"<?php");
}

#[test]
fn the_note_that_an_earlier_version_wrote_into_a_tree_moves_out_of_it() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let note = fs::read_to_string(world.note(&hash)).unwrap();
    let tree = world.tree(&hash);
    fs::remove_file(world.note(&hash)).unwrap();
    fs::set_permissions(&tree, Permissions::from_mode(0o755)).unwrap();
    fs::write(tree.join(".bulla-release"), &note).unwrap();
    fs::set_permissions(&tree, Permissions::from_mode(0o555)).unwrap();
    world.install().unwrap();
    assert!(!tree.join(".bulla-release").exists());
    assert_eq!(fs::read_to_string(world.note(&hash)).unwrap(), note);
    let mode = fs::metadata(&tree).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o555);
    world.assert_intact();
}

#[test]
fn the_note_of_a_release_goes_with_its_tree() {
    let mut world = World::new();
    let mut hashes = Vec::new();
    for number in 0..8 {
        hashes.push(world.release(&small_tree(&format!("{number}\n"))));
        world.install().unwrap();
    }
    world.install().unwrap();
    for hash in &hashes {
        assert_eq!(world.note(hash).exists(), world.tree(hash).exists());
    }
    assert!(!world.note(&hashes[0]).exists());
    assert!(world.note(&hashes[7]).exists());
}
