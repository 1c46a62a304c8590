//! Recycling under every kind of change: whatever two releases differ in, the tree that one of them
//! is made of must come out as if it had been written from nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bulla_bundle::testing::MemoryTree;
use bulla_installer::Outcome;
use proptest::prelude::*;

use crate::world::{World, keeping, mode};

/// What lies under a path of a release.
#[derive(Debug, Clone, Copy)]
enum Kind {
    File(u8),
    Program(u8),
    Link(u8),
    Directory,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (0_u8..3).prop_map(Kind::File),
        (0_u8..3).prop_map(Kind::Program),
        (0_u8..2).prop_map(Kind::Link),
        Just(Kind::Directory),
    ]
}

/// Where a path goes below; `None` is a place that a release does not have.
type Places = Vec<Option<Kind>>;

const PATHS: [&str; 12] = [
    "a", "a/b", "a/b/c", "a/b/d", "a/e", "f", "f/g", "f-g", "h/i/j", "h/i/k", "h/l", "m",
];

/// Makes the tree of those paths that do not lie below a file or a link.
fn tree(places: &Places) -> MemoryTree {
    let mut closed: Vec<&str> = Vec::new();
    let mut tree = MemoryTree::default().file("always", "here").unwrap();
    for (path, kind) in PATHS.iter().zip(places) {
        let is_below = |closed: &&str| path.starts_with(&format!("{closed}/"));
        let Some(kind) = kind.filter(|_| !closed.iter().any(is_below)) else {
            continue;
        };
        if !matches!(kind, Kind::Directory) {
            closed.push(path);
        }
        tree = match kind {
            Kind::File(content) => tree.file(path, format!("{content}\n")),
            Kind::Program(content) => tree.executable(path, format!("{content}\n")),
            Kind::Link(target) => tree.link(path, ["always", "elsewhere"][usize::from(target)]),
            Kind::Directory => tree.directory(path),
        }
        .unwrap();
    }
    tree
}

/// What people do to an old tree that is no edit.
fn change_modes(tree: &Path) {
    for entry in fs::read_dir(tree).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_symlink() {
            let mode = if path.is_dir() { 0o750 } else { 0o640 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

fn assert_modes(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        let found = mode(&path);
        if path.is_dir() {
            assert_eq!(found, 0o555, "{}", path.display());
            assert_modes(&path);
        } else {
            assert!(matches!(found, 0o444 | 0o555), "{}", path.display());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_recycled_tree_is_as_one_that_was_written_from_nothing(
        releases in prop::collection::vec(
            prop::collection::vec(prop::option::weighted(0.7, kinds()), PATHS.len()),
            5..8,
        ),
        touched in 2_usize..8,
    ) {
        let mut world = World::new();
        let request = keeping(2);
        let mut recycled = 0;
        for (number, places) in releases.iter().enumerate() {
            let hash = world.release(&tree(places));
            if number > 1 && touched == number {
                for old in world.trees() {
                    change_modes(&world.site().join("releases").join(old));
                }
            }
            let installed = world.install_with(&request).0.unwrap();
            if let Outcome::Written { in_place, .. } = installed.outcome {
                recycled += in_place;
                assert_modes(&world.tree(&hash));
            }
            prop_assert_eq!(world.live(), Some(hash));
            prop_assert_eq!(world.differences(), []);
        }
        prop_assert!(recycled > 0, "no tree was recycled");
        prop_assert_eq!(world.set_aside(), []);
        world.rollback(None).unwrap();
        prop_assert_eq!(world.differences(), []);
    }
}
