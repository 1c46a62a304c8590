//! What lies in a server's directories that the installer did not put there, or not in this way.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::PathBuf;

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

/// The folders whose names decide what is live, from the root down.
fn folders(world: &World) -> [PathBuf; 4] {
    let site = world.site();
    let above = site.parent().unwrap().to_owned();
    [world.root(), above, site.clone(), site.join("releases")]
}

#[test]
fn an_install_is_refused_where_everybody_could_exchange_what_is_live() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    for folder in folders(&world) {
        for mode in [0o777, 0o757] {
            let before = fs::metadata(&folder).unwrap().permissions();
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            let run = world.run(&INSTALL);
            assert_eq!(run.status, Some(3), "{run:?}");
            let hint = format!("chmod go-w {}", folder.canonicalize().unwrap().display());
            assert!(run.stderr.contains(&hint), "{run:?}");
            assert_eq!(
                world.run(&[&INSTALL[..], &["--dry-run"]].concat()).status,
                Some(3)
            );
            // A person in an outage is told, and not stopped; and status has its row.
            for hash in [hashes[0], hashes[1]] {
                let run = world.run(&["rollback", "acme/billing", &hash.hex()]);
                assert_eq!(run.status, Some(0), "{run:?}");
                assert!(run.stderr.contains(&hint), "{run:?}");
            }
            let run = world.run(&["status"]);
            assert_eq!(run.status, Some(0), "{run:?}");
            assert!(run.stderr.contains(&hint), "{run:?}");
            assert!(run.stdout.contains(&hashes[1].short()), "{run:?}");
            // Where only owners rename theirs, nothing can be exchanged.
            fs::set_permissions(&folder, Permissions::from_mode(0o1777)).unwrap();
            assert_eq!(world.run(&INSTALL).status, Some(0));
            fs::set_permissions(&folder, before).unwrap();
        }
    }
    assert_eq!(world.run(&INSTALL).status, Some(0));
}

#[test]
fn a_first_install_is_refused_below_a_root_that_everybody_may_write() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    fs::create_dir(world.root()).unwrap();
    fs::set_permissions(world.root(), Permissions::from_mode(0o777)).unwrap();
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert_eq!(fs::read_dir(world.root()).unwrap().count(), 0);
}

#[test]
fn folders_that_belong_to_another_user_or_group_bring_a_warning() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: a folder of another user, because only root gives one away");
        return;
    }
    let mut world = World::new();
    world.install_each(&["one\n", "two\n"]);
    for folder in folders(&world) {
        let path = folder.canonicalize().unwrap();
        let warns = |what: &str| {
            let hint = format!("{what} {}", path.display());
            for command in [&INSTALL[..], &["status"]] {
                let run = world.run(command);
                assert_eq!(run.status, Some(0), "{run:?}");
                assert!(run.stderr.contains(&hint), "{run:?}");
            }
        };
        chown(&folder, Some(12_345), None).unwrap();
        warns("chown -h 0");
        chown(&folder, Some(0), Some(12_345)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o775)).unwrap();
        warns("chmod go-w");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(world.run(&["status"]).stderr, "");
    }
}

#[test]
fn persist_may_belong_to_the_application_and_not_to_everybody() {
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let persist = world.site().join("persist");
    fs::set_permissions(&persist, Permissions::from_mode(0o777)).unwrap();
    for command in [&INSTALL[..], &["status"]] {
        let run = world.run(command);
        assert_eq!(run.status, Some(0), "{run:?}");
        assert!(run.stderr.contains("chmod go-w"), "{run:?}");
    }
    if rustix::process::geteuid().is_root() {
        chown(&persist, Some(33), Some(33)).unwrap();
    }
    fs::set_permissions(&persist, Permissions::from_mode(0o770)).unwrap();
    assert_eq!(world.run(&INSTALL).status, Some(0));
    assert_eq!(world.run(&["status"]).stderr, "");
}
