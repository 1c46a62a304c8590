//! Links and files planted where the installer writes, by somebody who may write there.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::{World, small_tree};

#[test]
fn a_planted_staging_link_is_removed_and_not_followed() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    let outside = world.folder.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    fs::create_dir_all(world.site()).unwrap();
    symlink(&outside, world.site().join(".staging")).unwrap();
    world.install().unwrap();
    assert_eq!(world.live(), Some(hash));
    let names: Vec<_> = fs::read_dir(&outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["kept"]);
}

#[test]
fn planted_content_in_staging_is_swept() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    let outside = world.folder.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    let staged = world.site().join(".staging").join(hash.hex());
    fs::create_dir_all(&staged).unwrap();
    symlink(&outside, staged.join("bin")).unwrap();
    fs::write(staged.join("version.txt"), "planted").unwrap();
    world.install().unwrap();
    world.assert_intact();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_link_in_an_older_tree_is_not_read_through() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let outside = world.folder.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("read me.txt"), "ad meer\n").unwrap();
    let share = world.tree(&first).join("share");
    fs::remove_dir_all(&share).unwrap();
    symlink(&outside, &share).unwrap();
    world.release(&small_tree("two\n"));
    world.install().unwrap();
    let text = fs::read_to_string(world.current().join("share/read me.txt")).unwrap();
    assert_eq!(text, "read me\n");
    world.assert_intact();
}

#[test]
fn a_damaged_spool_is_fetched_again() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    let payload = world.layer_path(&hash, 0);
    let size = world.registry.change(|served| served.files[&payload].len());
    let spool = world.state().join("projects/acme%2Fbilling/spool");
    fs::create_dir_all(&spool).unwrap();
    fs::write(spool.join(hash.hex()), vec![7; size]).unwrap();
    world.install().unwrap();
    world.assert_intact();
    assert!(!spool.join(hash.hex()).exists());
}
