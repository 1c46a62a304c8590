//! What changes inodes, owners, modes and times, and not one byte: such a tree is intact.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use bulla_installer::Outcome;
use bulla_schemas::Digest;

use crate::world::{World, mode, small_tree};

/// Two releases, of which the second is live.
fn world() -> (World, [Digest; 2]) {
    let mut world = World::new();
    let hashes = ["one", "two"].map(|version| {
        let hash = world.release(&small_tree(version));
        world.install().unwrap();
        hash
    });
    (world, hashes)
}

fn run(program: &str, arguments: &[&str], paths: &[&Path]) {
    let output = Command::new(program)
        .args(arguments)
        .args(paths)
        .output()
        .unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
}

/// Every command says that the trees are intact, and a rollback needs no network and sets nothing
/// aside.
fn assert_nothing_was_edited(world: &World, hashes: [Digest; 2]) {
    assert_eq!(world.differences(), []);
    let (installed, notes) = world.install_with(&crate::world::request());
    assert_eq!(installed.unwrap().outcome, Outcome::AlreadyLive);
    assert_eq!(notes, "");
    world.registry.change(|served| served.down = true);
    let (result, notes) = world.rollback_with_notes(None);
    result.unwrap();
    assert_eq!(notes, "");
    assert_eq!(world.live(), Some(hashes[0]));
    assert_eq!(world.differences(), []);
    assert_eq!(world.set_aside(), []);
}

#[test]
fn another_owner_makes_no_difference() {
    // R18: modes and owners.
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: only root can give files away, because chown needs it");
        return;
    }
    let (world, hashes) = world();
    let trees = hashes.map(|hash| world.tree(&hash));
    run("chown", &["-R", "33:33"], &[&trees[0], &trees[1]]);
    assert_nothing_was_edited(&world, hashes);
    // Where the folders are given away too, it is said who could exchange the trees, and no more.
    run("chown", &["-R", "33:33"], &[&world.site()]);
    world.rollback(Some(&hashes[1].hex())).unwrap();
    assert_eq!(world.differences(), []);
    assert_eq!(world.set_aside(), []);
}

#[test]
fn other_permissions_make_no_difference_and_programs_stay_executable() {
    let (world, hashes) = world();
    run(
        "chmod",
        &["-R", "ug+w,o-rwx"],
        &[&world.site().join("releases")],
    );
    for hash in &hashes {
        run("chmod", &["640"], &[&world.tree(hash).join("bin/app")]);
    }
    assert_nothing_was_edited(&world, hashes);
    // Executable for those who may read it, and not readable for more than before.
    assert_eq!(mode(&world.tree(&hashes[0]).join("bin/app")), 0o750);
}

#[test]
fn other_times_make_no_difference() {
    let (world, hashes) = world();
    for hash in &hashes {
        let tree = world.tree(hash);
        run(
            "find",
            &[],
            &[
                &tree,
                Path::new("-exec"),
                Path::new("touch"),
                Path::new("-h"),
                Path::new("{}"),
                Path::new("+"),
            ],
        );
    }
    assert_nothing_was_edited(&world, hashes);
}

#[test]
fn a_copy_on_another_disk_is_the_same_tree() {
    let (world, hashes) = world();
    for directory in [world.root(), world.state()] {
        let old = directory.with_added_extension("old");
        fs::rename(&directory, &old).unwrap();
        run("cp", &["-a", "--"], &[&old, &directory]);
    }
    assert_nothing_was_edited(&world, hashes);
}

#[test]
fn a_restore_from_tar_is_the_same_tree() {
    let (world, hashes) = world();
    let folder = world.folder.path();
    let archive = folder.join("backup.tar");
    let at = |arguments: &[&str]| {
        let output = Command::new("tar")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    at(&["-cf", archive.to_str().unwrap(), "srv", "state"]);
    run("chmod", &["-R", "u+w"], &[&world.root()]);
    fs::remove_dir_all(world.root()).unwrap();
    fs::remove_dir_all(world.state()).unwrap();
    at(&["-xpf", archive.to_str().unwrap()]);
    assert_nothing_was_edited(&world, hashes);
}

#[test]
fn lost_records_make_no_difference() {
    let (world, hashes) = world();
    fs::remove_dir_all(world.state().join("projects/acme%2Fbilling/trees")).unwrap();
    fs::create_dir(world.state().join("projects/acme%2Fbilling/trees")).unwrap();
    assert_nothing_was_edited(&world, hashes);
}

#[test]
fn a_file_that_was_hashed_is_not_read_again() {
    let (world, hashes) = world();
    let record = world
        .state()
        .join("projects/acme%2Fbilling/trees")
        .join(hashes[1].hex());
    let before = fs::read(&record).unwrap();
    run("touch", &[], &[&world.tree(&hashes[1]).join("version.txt")]);
    assert_eq!(world.differences(), []);
    let after = fs::read(&record).unwrap();
    assert_ne!(before, after);
    assert_eq!(world.differences(), []);
    assert_eq!(fs::read(&record).unwrap(), after);
}

#[test]
fn an_update_after_a_change_of_owner_takes_files_from_this_disk() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: only root can give files away, because chown needs it");
        return;
    }
    let (mut world, _) = world();
    run("chown", &["-R", "33:33"], &[&world.site()]);
    world.release(&small_tree("three"));
    let Outcome::Written { shared, .. } = world.install().unwrap().outcome else {
        panic!("nothing was written");
    };
    assert_eq!(shared.iter().sum::<u64>(), 2);
    world.assert_intact();
    let app = fs::metadata(world.current().join("bin/app")).unwrap();
    assert_eq!(app.uid(), 0);
}
