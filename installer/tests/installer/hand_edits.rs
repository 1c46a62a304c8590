//! Trees that people changed, and a `current` that they made.

use std::fs;
use std::os::unix::fs::symlink;

use bulla_installer::{InstallError, LiveError, Outcome, Standing, status};

use crate::world::{World, request, small_tree};

#[test]
fn a_changed_live_tree_is_written_anew_and_moved_aside_whole() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    fs::write(world.current().join("version.txt"), "fixed on the server\n").unwrap();
    let (result, notes) = world.install_with(&request());
    assert!(matches!(result.unwrap().outcome, Outcome::Written { .. }));
    assert!(notes.contains("set-aside"), "{notes}");
    assert_eq!(world.live(), Some(hash));
    world.assert_intact();
    let aside: Vec<_> = fs::read_dir(world.site().join("set-aside"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(aside.len(), 1);
    let saved = fs::read_to_string(aside[0].join("version.txt")).unwrap();
    assert_eq!(saved, "fixed on the server\n");
    assert!(aside[0].join("bin/app").exists());
}

#[test]
fn stops_before_a_current_that_somebody_else_made() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    let current = world.current();
    fs::create_dir_all(&current).unwrap();
    fs::write(current.join("index.php"), "live").unwrap();
    let error = world.install().unwrap_err();
    assert!(
        matches!(error, InstallError::Live(LiveError::CurrentIsNoLink { .. })),
        "{error}"
    );
    assert_eq!(fs::read(current.join("index.php")).unwrap(), b"live");
    let found = &status(&world.server(), Some(&world.project)).unwrap()[0];
    assert_eq!(found.standing, Standing::NotInstalled);
    assert!(found.problem.as_ref().unwrap().contains("directory"));

    fs::remove_dir_all(&current).unwrap();
    symlink("/opt/billing-1.2", &current).unwrap();
    let error = world.install().unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Live(LiveError::CurrentIsForeign { .. })
        ),
        "{error}"
    );
    assert_eq!(
        fs::read_link(&current).unwrap().to_str(),
        Some("/opt/billing-1.2")
    );

    fs::remove_file(&current).unwrap();
    world.install().unwrap();
}

#[test]
fn an_edit_in_an_older_tree_does_not_reach_the_next_release() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let edited = world.tree(&first).join("share/read me.txt");
    fs::write(&edited, "ad meer\n").unwrap();
    let second = world.release(&small_tree("two\n"));
    world.install().unwrap();
    assert_eq!(world.live(), Some(second));
    let text = fs::read_to_string(world.current().join("share/read me.txt")).unwrap();
    assert_eq!(text, "read me\n");
    // The edit itself is still where it was made.
    assert_eq!(fs::read_to_string(edited).unwrap(), "ad meer\n");
}
