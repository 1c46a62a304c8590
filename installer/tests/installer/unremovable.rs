//! Old trees that cannot be removed stop neither an install nor a rollback.

use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use bulla_installer::Outcome;

use crate::nobody;
use crate::obstacles::Immutable;
use crate::world::{INSTALL, World, keeping, small_tree};

fn leftovers(world: &World) -> Vec<PathBuf> {
    let found = world.status(None);
    let leftovers = found[0].leftovers.iter();
    leftovers.map(|leftover| leftover.path.clone()).collect()
}

#[test]
fn an_immutable_file_in_an_old_release_stops_nothing() {
    // R18: cleanup fails for want of permission.
    let mut world = World::new();
    let request = keeping(2);
    let first = world.release(&small_tree("1\n"));
    world.install_with(&request).0.unwrap();
    let tree = world.tree(&first);
    // A file that the next releases have too, and one that they replace.
    let Some(same) = Immutable::new(tree.join("bin/app")) else {
        return;
    };
    let other = Immutable::new(tree.join("version.txt")).unwrap();
    for version in ["2\n", "3\n", "4\n"] {
        world.release(&small_tree(version));
        let (installed, notes) = world.install_with(&request);
        installed.unwrap();
        world.assert_intact();
        assert_eq!(
            notes.contains("immutable"),
            version != "2\n",
            "{version}: {notes}"
        );
    }
    assert_eq!(leftovers(&world), std::slice::from_ref(&tree));
    world.rollback(None).unwrap();
    world.assert_intact();
    // It is a release still, as a whole.
    world.rollback(Some(&first.hex())).unwrap();
    world.assert_intact();
    world.install_with(&request).0.unwrap();

    drop((same, other));
    for version in ["5\n", "6\n"] {
        world.release(&small_tree(version));
        world.install_with(&request).0.unwrap();
    }
    assert!(!tree.exists());
    assert_eq!(leftovers(&world), [] as [PathBuf; 0]);
}

#[test]
fn what_a_dead_run_left_and_cannot_be_removed_stops_nothing() {
    let mut world = World::new();
    let request = keeping(2);
    for version in ["1\n", "2\n"] {
        world.release(&small_tree(version));
        world.install_with(&request).0.unwrap();
    }
    // The new release's own name in staging, and the name of staging itself.
    let next = world.release(&small_tree("3\n"));
    let left = world.site().join(".staging").join(next.hex());
    fs::create_dir_all(left.join("bin")).unwrap();
    fs::write(left.join("bin/app"), "half of a tree").unwrap();
    let Some(file) = Immutable::new(left.join("bin/app")) else {
        return;
    };
    let (installed, notes) = world.install_with(&request);
    assert_eq!(installed.unwrap().hash, next);
    assert!(notes.contains(left.to_str().unwrap()), "{notes}");
    world.assert_intact();
    let run = world.run(&["rollback", "acme/billing", "-m", "because"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    world.assert_intact();
    assert_eq!(leftovers(&world), std::slice::from_ref(&left));
    let run = world.run(&["status"]);
    assert!(run.stderr.contains(left.to_str().unwrap()), "{run:?}");
    let mut releasing = request.clone();
    releasing.release_hold = true;
    let (installed, _) = world.install_with(&releasing);
    assert_eq!(installed.unwrap().outcome, Outcome::OnDisk);
    assert_eq!(fs::read(left.join("bin/app")).unwrap(), b"half of a tree");

    drop(file);
    let (_, notes) = world.install_with(&request);
    assert!(!notes.contains("staging"), "{notes}");
    assert_eq!(leftovers(&world), [] as [PathBuf; 0]);
    let names = fs::read_dir(world.site()).unwrap();
    for name in names.map(|entry| entry.unwrap().file_name()) {
        assert!(!name.to_str().unwrap().starts_with(".staging"), "{name:?}");
    }
}

#[test]
fn what_root_made_in_a_release_of_an_ordinary_user_stops_nothing() {
    let Some(mut world) = nobody::world() else {
        return;
    };
    let mut hashes = Vec::new();
    for version in ["1\n", "2\n", "3\n", "4\n", "5\n"] {
        hashes.push(world.release(&small_tree(version)));
        nobody::run(&world, &INSTALL);
        let live = world.tree(hashes.last().unwrap());
        match version {
            "1\n" => {
                fs::create_dir(live.join("cache/by-root")).unwrap();
                fs::write(live.join("cache/by-root/x"), "kept").unwrap();
            }
            // A tree that is not ours to move.
            "2\n" => chown(&live, Some(0), Some(0)).unwrap(),
            _ => {}
        }
    }
    nobody::run(&world, &["rollback", "acme/billing", "-m", "because"]);
    assert_eq!(world.live(), Some(hashes[3]));
    world.assert_intact();
    let last = nobody::run(&world, &[&INSTALL[..], &["--release-hold"]].concat());
    assert_eq!(world.live(), Some(hashes[4]));
    let foreign = world.tree(&hashes[1]);
    assert!(foreign.join("version.txt").exists());
    assert!(last.stderr.contains(foreign.to_str().unwrap()), "{last:?}");
    assert!(leftovers(&world).contains(&foreign));
    // What root made is kept, wherever it is now.
    let kept = Command::new("grep")
        .args(["-rlx", "kept"])
        .arg(world.site())
        .output()
        .unwrap();
    assert!(kept.status.success());
}
