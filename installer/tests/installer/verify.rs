//! What `verify` finds, by name.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use bulla_installer::{DifferenceKind, LiveError, ObserveError, Outcome, StateError, verify};
use bulla_schemas::install::Install;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{World, small_tree};

#[test]
fn names_everything_that_was_changed() {
    let mut world = World::new();
    let install = Install {
        persist: vec!["var/uploads".parse().unwrap()],
        ..Install::default()
    };
    let hash = world.publish(&small_tree("one\n"), install);
    world.promote(hash);
    world.install().unwrap();
    world.assert_intact();

    let tree = world.tree(&hash);
    let writable = |path: &str| {
        fs::set_permissions(tree.join(path), Permissions::from_mode(0o755)).unwrap();
    };
    for directory in ["bin", "share", "var"] {
        writable(directory);
    }
    fs::write(tree.join("version.txt"), "two\n").unwrap();
    fs::remove_file(tree.join("empty")).unwrap();
    fs::set_permissions(tree.join("bin/app"), Permissions::from_mode(0o444)).unwrap();
    fs::remove_file(tree.join("bin/run")).unwrap();
    symlink("/bin/sh", tree.join("bin/run")).unwrap();
    fs::remove_file(tree.join("share/read me.txt")).unwrap();
    fs::create_dir(tree.join("share/read me.txt")).unwrap();
    fs::create_dir(tree.join("new")).unwrap();
    fs::write(tree.join("new/below"), "x").unwrap();
    fs::remove_file(tree.join("var/uploads")).unwrap();
    fs::remove_dir(tree.join("cache")).unwrap();

    let found = world.differences();
    let found: Vec<(&str, DifferenceKind)> = found
        .iter()
        .map(|(path, difference)| (path.as_str(), *difference))
        .collect();
    assert_eq!(
        found,
        [
            ("bin/run", DifferenceKind::Changed),
            ("cache", DifferenceKind::Missing),
            ("empty", DifferenceKind::Missing),
            ("new", DifferenceKind::Added),
            ("share/read me.txt", DifferenceKind::Changed),
            ("var/uploads", DifferenceKind::Missing),
            ("version.txt", DifferenceKind::Changed),
        ]
    );
}

#[test]
fn an_edit_that_keeps_size_and_time_is_found() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let path = world.tree(&hash).join("version.txt");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "eno\n").unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    // The quick look sees the inode's ctime, which cannot be set.
    let changed = ("version.txt".to_owned(), DifferenceKind::Changed);
    assert_eq!(world.differences(), [changed]);
}

#[test]
fn refuses_an_index_that_does_not_match_the_hash() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let bundle = world.state().join("bundles").join(hash.hex());
    for part in ["index.jsonl", "release.json", "frames", "manifest.json"] {
        let path = bundle.join(part);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, bad).unwrap();
        let error = verify(&world.server(), &world.project).unwrap_err();
        assert!(
            matches!(
                error,
                ObserveError::Live(LiveError::State(StateError::KeptBundle { .. }))
            ),
            "{part}: {error}"
        );
        assert_eq!(error.kind(), FailureKind::Refused);
        // An install fetches it again; the tree is as it was and stays.
        assert_eq!(world.install().unwrap().outcome, Outcome::AlreadyLive);
        assert_eq!(fs::read(&path).unwrap(), good);
        world.assert_intact();
    }
}
