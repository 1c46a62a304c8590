//! A root that is too small.

use std::path::Path;
use std::process::Command;

use bulla_bundle::MemoryTree;
use bulla_installer::{InstallError, Server, TreeError, WriteError};

use crate::world::{Notes, World, install_on, noise, request, small_tree};

/// A small file system, unmounted when it is dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = rustix::process::geteuid().is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", options, "tmpfs"])
                .arg(path)
                .status()
                .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("skipped: a small file system cannot be mounted here");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

fn large_tree() -> MemoryTree {
    MemoryTree::default()
        .file("large", noise("large", 6_000_000))
        .unwrap()
}

#[test]
fn a_full_root_is_refused_with_the_numbers_before_the_payload_is_fetched() {
    let mut world = World::new();
    let root = world.root();
    let Some(_disk) = SmallDisk::mount(&root, "size=4m") else {
        return;
    };
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&large_tree());
    let error = world.install().unwrap_err();
    assert!(
        matches!(error, InstallError::Write(WriteError::Tree(TreeError::NoSpace { needed, .. })) if needed > 6_000_000),
        "{error}"
    );
    let payload = world.layer_path(&second, 0);
    assert_eq!(world.registry.requests(&payload), [] as [&str; 0]);
    assert_eq!(world.live(), Some(first));
    world.assert_intact();
}

#[test]
fn a_root_without_inodes_is_refused() {
    let mut world = World::new();
    let root = world.root();
    let Some(_disk) = SmallDisk::mount(&root, "size=64m,nr_inodes=40") else {
        return;
    };
    world.release(&crate::world::wide_tree(60, "one\n"));
    let error = world.install().unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Write(WriteError::Tree(TreeError::NoInodes { .. }))
        ),
        "{error}"
    );
    assert_eq!(world.live(), None);
}

#[test]
fn a_state_directory_that_fills_up_leaves_the_live_release_and_works_afterwards() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&large_tree());
    let small = world.folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&small, "size=2m") else {
        return;
    };
    // The state moves to the small disk.
    let copied = Command::new("cp")
        .args(["-a", "--"])
        .arg(world.state().join("."))
        .arg(&small)
        .status()
        .unwrap();
    assert!(copied.success());
    let server = Server::new(world.root(), &small);
    let result = install_on(&server, &world.project, &request(), &Notes::default());
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Write(WriteError::Tree(TreeError::NoSpace { .. }))
        ),
        "{error}"
    );
    assert_eq!(world.live(), Some(first));
    drop(disk);
    world.install().unwrap();
    assert_eq!(world.live(), Some(second));
}
