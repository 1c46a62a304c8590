//! Retention, and what is made of the trees that it gives up.

use std::fs;

use bulla_installer::Outcome;
use bulla_schemas::Digest;

use crate::world::{COMMITTED, World, keeping, mtime, request, small_tree, wide_tree};

fn on_disk(world: &World) -> Vec<String> {
    world.trees()
}

#[test]
fn the_last_five_stay_by_activation_and_never_by_time() {
    let mut world = World::new();
    let mut hashes = Vec::new();
    for number in 0..8 {
        let hash = world.release(&small_tree(&format!("{number}\n")));
        hashes.push(hash);
        world.install().unwrap();
        // A later time on the older tree must not matter.
        fs::File::open(world.tree(&hashes[0]))
            .and_then(|tree| {
                tree.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_hours(999_999))
            })
            .ok();
    }
    let mut expected: Vec<String> = hashes[3..].iter().map(Digest::hex).collect();
    expected.sort();
    assert_eq!(on_disk(&world), expected);
    for directory in ["bundles", "projects/acme%2Fbilling/trees"] {
        let kept = fs::read_dir(world.state().join(directory)).unwrap().count();
        assert_eq!(kept, 5, "{directory}");
    }
    assert!(!world.site().join(".staging").exists());
    world.assert_intact();
}

#[test]
fn the_live_release_and_the_one_before_stay_whatever_is_asked() {
    let mut world = World::new();
    let mut request = request();
    request.config.keep.count = 0;
    let mut hashes = Vec::new();
    for number in 0..4 {
        hashes.push(world.release(&small_tree(&format!("{number}\n"))));
        world.install_with(&request).0.unwrap();
    }
    assert!(world.tree(&hashes[3]).exists() && world.tree(&hashes[2]).exists());
    assert!(!world.tree(&hashes[0]).exists());
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(hashes[2]));
}

#[test]
fn a_recycled_tree_is_the_new_release_and_nothing_of_the_old_one() {
    let mut world = World::new();
    let request = keeping(2);
    let mut hashes = Vec::new();
    for number in 0..3 {
        hashes.push(world.release(&wide_tree(60, &format!("{number}\n"))));
        world.install_with(&request).0.unwrap();
    }
    let old = world.tree(&hashes[1]);
    assert!(old.exists());
    let tree = wide_tree(60, "4\n").file("added/file", "added").unwrap();
    let last = world.release(&tree);
    let Outcome::Written {
        in_place, shared, ..
    } = world.install_with(&request).0.unwrap().outcome
    else {
        panic!("nothing was written");
    };
    assert!(in_place >= 55, "{in_place} in place");
    assert!(shared.iter().sum::<u64>() <= 5);
    assert!(!old.exists());
    assert_eq!(world.live(), Some(last));
    world.assert_intact();
    assert_eq!(
        mtime(&world.current().join("src/01/file-0001.txt")),
        COMMITTED
    );
    assert_eq!(mtime(&world.current().join("version.txt")), COMMITTED + 180);
    // The tree that was live is another one, and as it was.
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(hashes[2]));
    world.assert_intact();
}

#[test]
fn no_file_of_a_recycled_tree_is_shared_with_another_release() {
    use std::os::unix::fs::MetadataExt as _;
    let mut world = World::new();
    let request = keeping(2);
    for number in 0..5 {
        world.release(&small_tree(&format!("{number}\n")));
        world.install_with(&request).0.unwrap();
    }
    let app = fs::metadata(world.current().join("bin/app")).unwrap();
    assert_eq!(app.nlink(), 1);
}
