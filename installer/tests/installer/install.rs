//! What an install leaves on disk.

use std::fs;

use bulla_bundle::MemoryTree;
use bulla_installer::{Outcome, Standing};
use bulla_schemas::install::Install;

use crate::world::{COMMITTED, World, mode, mtime, noise, request, small_tree, wide_tree};

#[test]
fn the_promoted_release_is_live_with_every_file_mode_and_time() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    let installed = world.install().unwrap();
    assert_eq!(installed.hash, hash);
    assert_eq!(world.live(), Some(hash));

    let live = world.current();
    assert_eq!(fs::read(live.join("version.txt")).unwrap(), b"one\n");
    assert_eq!(fs::read(live.join("empty")).unwrap(), b"");
    assert_eq!(
        fs::read_link(live.join("bin/run")).unwrap().to_str(),
        Some("app")
    );
    assert!(live.join("cache").is_dir());
    assert_eq!(mode(&live.join("bin/app")), 0o555);
    assert_eq!(mode(&live.join("version.txt")), 0o444);
    for directory in ["bin", "cache", ""] {
        assert_eq!(
            mode(&world.tree(&hash).join(directory)),
            0o555,
            "{directory}"
        );
    }
    assert_eq!(mtime(&live.join("version.txt")), COMMITTED);
    let note: serde_json::Value =
        serde_json::from_slice(&fs::read(world.note(&hash)).unwrap()).unwrap();
    assert_eq!(note["hash"], hash.to_string());
    assert_eq!(note["channel"], "prod");
    assert_eq!(note["promotedBy"][0], "alice");
    assert_eq!(note["reason"], "because");
    assert!(!live.join(".bulla-release").exists());
    assert_eq!(mode(&world.state()), 0o700);
    assert!(!world.site().join(".staging").exists());
    world.assert_intact();

    let found = world.status(None);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].live, Some(hash));
    assert_eq!(found[0].standing, Standing::UpToDate);
    assert_eq!(found[0].differences.as_deref(), Some(&[][..]));
}

#[test]
fn a_release_that_is_live_already_is_not_fetched_again() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    world.registry.forget_requests();
    assert_eq!(world.install().unwrap().outcome, Outcome::AlreadyLive);
    assert_eq!(world.registry.requests("/v2/"), [] as [&str; 0]);
}

#[test]
fn an_update_fetches_little_and_an_unchanged_file_keeps_its_time() {
    let mut world = World::new();
    world.release(&wide_tree(400, "one\n"));
    let Outcome::Written {
        downloaded: cold, ..
    } = world.install().unwrap().outcome
    else {
        panic!("nothing was written");
    };
    let second = world.release(&wide_tree(400, "two\n"));
    world.registry.forget_requests();
    let Outcome::Written {
        downloaded, shared, ..
    } = world.install().unwrap().outcome
    else {
        panic!("nothing was written");
    };
    assert_eq!(world.live(), Some(second));
    assert!(downloaded < cold / 2, "{downloaded} of {cold}");
    assert_eq!(shared.iter().sum::<u64>(), 400);
    let live = world.current();
    assert_eq!(mtime(&live.join("version.txt")), COMMITTED + 60);
    assert_eq!(mtime(&live.join("src/00/file-0000.txt")), COMMITTED);
    world.assert_intact();
}

#[test]
fn files_that_span_many_frames_come_out_whole() {
    let mut world = World::new();
    let large = noise("large", 9_000_000);
    let tree = MemoryTree::default()
        .file("a", noise("a", 300_000))
        .unwrap()
        .file("large", large.clone())
        .unwrap()
        .file("zeros", vec![0; 5_000_000])
        .unwrap();
    world.release(&tree);
    world.install().unwrap();
    assert!(fs::read(world.current().join("large")).unwrap() == large);
    world.assert_intact();
}

#[test]
fn a_moved_file_is_not_fetched_again() {
    let mut world = World::new();
    let content = noise("moved", 3_000_000);
    world.release(
        &MemoryTree::default()
            .file("old/name", content.clone())
            .unwrap(),
    );
    world.install().unwrap();
    world.release(&MemoryTree::default().file("new/name", content).unwrap());
    let Outcome::Written { downloaded, .. } = world.install().unwrap().outcome else {
        panic!("nothing was written");
    };
    assert_eq!(downloaded, 0);
    world.assert_intact();
}

#[test]
fn a_registry_without_ranges_serves_an_update_too() {
    let mut world = World::new();
    world.release(&wide_tree(400, "one\n"));
    world.install().unwrap();
    world.registry.change(|served| served.whole_only = true);
    let second = world.release(&wide_tree(400, "two\n"));
    world.install().unwrap();
    assert_eq!(world.live(), Some(second));
    world.assert_intact();
}

#[test]
fn a_release_on_this_disk_is_activated_without_the_registry_s_blobs() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    world.release(&small_tree("two\n"));
    world.install().unwrap();
    world.promote(first);
    world.registry.forget_requests();
    assert_eq!(world.install().unwrap().outcome, Outcome::OnDisk);
    assert_eq!(world.live(), Some(first));
    assert_eq!(world.registry.requests("/v2/"), [] as [&str; 0]);
}

#[test]
fn a_hard_linked_update_shares_inodes_and_both_trees_stay_intact() {
    use std::os::unix::fs::MetadataExt as _;
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.publish(&small_tree("two\n"), Install::default());
    world.promote(second);
    let mut request = request();
    request.config.link = bulla_installer::Link::Hard;
    world.install_with(&request).0.unwrap();
    let inode = |hash| {
        fs::metadata(world.tree(hash).join("bin/app"))
            .unwrap()
            .ino()
    };
    assert_eq!(inode(&first), inode(&second));
    world.assert_intact();
    assert_eq!(world.differences(), []);
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(first));
}
