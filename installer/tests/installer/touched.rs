//! What people did to a release that is left reaches no other one, and none of it is lost.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bulla_installer::{DifferenceKind, Outcome};
use bulla_schemas::Digest;
use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::obstacles::Mount;
use crate::world::{World, keeping, small_tree, wide_tree};

/// A server whose oldest release is the next to be recycled; its hash. Something is done while it is
/// live.
fn with_an_old_release(world: &mut World, act: impl FnOnce(&World)) -> Digest {
    let mut hashes = Vec::new();
    let mut act = Some(act);
    for number in 0..3 {
        hashes.push(world.release(&wide_tree(60, &format!("{number}\n"))));
        world.install_with(&keeping(2)).0.unwrap();
        if number == 1 {
            act.take().unwrap()(world);
        }
    }
    assert!(world.tree(&hashes[1]).exists());
    hashes[1]
}

/// Installs one more release. Returns how many files stayed in a recycled tree, and what was said.
fn update(world: &mut World) -> (u64, String) {
    world.release(&wide_tree(60, "next\n"));
    let (installed, notes) = world.install_with(&keeping(2));
    match installed.unwrap().outcome {
        Outcome::Written { in_place, .. } => (in_place, notes),
        other => panic!("{other:?}"),
    }
}

fn unlocked(directory: &Path, act: impl FnOnce()) {
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    act();
    fs::set_permissions(directory, Permissions::from_mode(0o555)).unwrap();
}

#[test]
fn attributes_that_a_file_was_given_do_not_reach_the_next_release() {
    for is_verified in [false, true] {
        let mut world = World::new();
        with_an_old_release(&mut world, |world| {
            let path = world.current().join("src/01/file-0001.txt");
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            setxattr(&path, "user.given", b"by hand", XattrFlags::empty()).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
            if is_verified {
                // Everything is as released, which is remembered.
                let verified = world.run(&["verify", "acme/billing"]);
                assert_eq!(verified.status, Some(0), "{verified:?}");
            }
        });
        let (in_place, said) = update(&mut world);
        assert_eq!(in_place, 0, "{said}");
        let file = world.current().join("src/01/file-0001.txt");
        getxattr(&file, "user.given", &mut [0; 16]).unwrap_err();
        world.assert_intact();
    }
}

#[test]
fn what_lies_under_the_name_of_an_old_kind_of_note_is_kept() {
    for is_directory in [false, true] {
        let mut world = World::new();
        let old = with_an_old_release(&mut world, |_| ());
        let tree = world.tree(&old);
        let path = tree.join(".bulla-release");
        let precious = if is_directory {
            path.join("precious")
        } else {
            path.clone()
        };
        unlocked(&tree, || {
            fs::create_dir_all(precious.parent().unwrap()).unwrap();
            fs::write(&precious, "precious").unwrap();
        });
        let (_, said) = update(&mut world);
        assert!(said.contains(".bulla-release"), "{said}");
        let [aside] = &world.set_aside()[..] else {
            panic!("not one tree is set aside: {said}");
        };
        let kept = aside.path.join(precious.strip_prefix(&tree).unwrap());
        assert_eq!(fs::read(kept).unwrap(), b"precious");
        world.assert_intact();
    }
}

#[test]
fn an_edit_right_after_an_install_is_seen_where_times_are_whole_seconds() {
    let mut world = World::new();
    let root = world.root();
    let Some(_disk) = Mount::whole_seconds(&root) else {
        return;
    };
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let edited = world.tree(&hash).join("version.txt");
    let modified = fs::metadata(&edited).unwrap().modified().unwrap();
    fs::set_permissions(&edited, Permissions::from_mode(0o644)).unwrap();
    fs::write(&edited, "two\n").unwrap();
    let file = fs::File::options().write(true).open(&edited).unwrap();
    file.set_times(FileTimes::new().set_modified(modified))
        .unwrap();
    let changed = vec![("version.txt".to_owned(), DifferenceKind::Changed)];
    assert_eq!(world.differences(), changed);
    // What a look finds now is not believed as long as it could change again unseen.
    fs::write(&edited, "one\n").unwrap();
    assert_eq!(world.differences(), []);
    fs::write(&edited, "two\n").unwrap();
    assert_eq!(world.differences(), changed);
}
