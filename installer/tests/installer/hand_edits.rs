//! Trees that people changed, and a `current` that they made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use bulla_installer::{DifferenceKind, InstallError, LiveError, Outcome, Standing};
use bulla_schemas::Digest;
use bulla_schemas::install::Install;

use crate::world::{World, keeping, request, small_tree, wide_tree};

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
    assert!(notes.contains("changed `version.txt`"), "{notes}");
    let aside = world.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].hash, hash);
    let saved = fs::read_to_string(aside[0].path.join("version.txt")).unwrap();
    assert_eq!(saved, "fixed on the server\n");
    assert!(aside[0].path.join("bin/app").exists());
}

#[test]
fn stops_before_a_current_that_somebody_else_made() {
    // R6: `current` is a real directory.
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
    let found = &world.status(Some(&world.project))[0];
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
    // R17: one edit becomes many, where releases share their files.
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

#[test]
fn edits_in_a_live_tree_outlive_every_release_that_follows() {
    // R8: edits made on the server are lost.
    let mut world = World::new();
    let request = keeping(2);
    let first = world.release(&wide_tree(60, "0\n"));
    world.install_with(&request).0.unwrap();
    let tree = world.tree(&first);
    fs::write(tree.join("src/00/file-0000.txt"), "hotfix").unwrap();
    fs::write(tree.join("src/00/export.csv"), "the only copy").unwrap();
    fs::remove_file(tree.join("src/01/file-0001.txt")).unwrap();

    // The switch says what is left, and where.
    world.release(&wide_tree(60, "1\n"));
    let (result, notes) = world.install_with(&request);
    result.unwrap();
    for said in [
        "changed `src/00/file-0000.txt`",
        "added `src/00/export.csv`",
        "missing `src/01/file-0001.txt`",
        tree.to_str().unwrap(),
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
    assert!(tree.exists());

    // Its turn to be recycled comes, and then to be removed.
    for number in 2..5 {
        world.release(&wide_tree(60, &format!("{number}\n")));
        world.install_with(&request).0.unwrap();
        world.assert_intact();
    }
    assert!(!tree.exists());
    let aside = world.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].hash, first);
    assert_eq!(aside[0].differences.len(), 3);
    let saved = |path: &str| fs::read_to_string(aside[0].path.join(path)).unwrap();
    assert_eq!(saved("src/00/file-0000.txt"), "hotfix");
    assert_eq!(saved("src/00/export.csv"), "the only copy");
    // It is the whole tree, not only what was edited.
    assert!(aside[0].path.join("src/19/file-0019.txt").exists());
    assert_eq!(world.status(None)[0].set_aside, aside);
}

#[test]
fn a_directory_in_the_place_of_a_persistent_link_is_set_aside_with_what_is_in_it() {
    let mut world = World::new();
    let install = Install {
        persist: vec!["var/uploads".parse().unwrap()],
        ..Install::default()
    };
    let mut request = request();
    request.config.keep.count = 1;
    let first = world.publish(&small_tree("0"), install.clone());
    world.promote(first);
    world.install_with(&request).0.unwrap();
    let uploads = world.tree(&first).join("var/uploads");
    fs::remove_file(&uploads).unwrap();
    fs::create_dir(&uploads).unwrap();
    fs::write(uploads.join("a.jpg"), "upload").unwrap();
    for number in 1..4 {
        let hash = world.publish(&small_tree(&number.to_string()), install.clone());
        world.promote(hash);
        world.install_with(&request).0.unwrap();
    }
    let aside = world.set_aside();
    assert_eq!(aside.len(), 1);
    assert!(aside[0].path.join("var/uploads/a.jpg").exists());
}

#[test]
fn a_tree_whose_release_is_not_known_any_more_is_kept() {
    let mut world = World::new();
    let mut request = request();
    request.config.keep.count = 1;
    let first = world.release(&small_tree("0"));
    world.install_with(&request).0.unwrap();
    fs::remove_dir_all(world.state().join("bundles").join(first.hex())).unwrap();
    fs::remove_file(record(&world, &first)).unwrap();
    for number in 1..4 {
        world.release(&small_tree(&number.to_string()));
        world.install_with(&request).0.unwrap();
    }
    let aside = world.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read(aside[0].path.join("version.txt")).unwrap(), b"0");
}

fn record(world: &World, hash: &Digest) -> PathBuf {
    let records = world.state().join("projects/acme%2Fbilling/trees");
    records.join(hash.hex())
}

#[test]
fn a_name_that_is_added_below_is_found_although_the_times_of_its_directory_were_put_back() {
    let mut world = World::new();
    world.release(&wide_tree(30, "0"));
    world.install().unwrap();
    let directory = world.current().join("src/00");
    let time = fs::metadata(&directory).unwrap().modified().unwrap();
    fs::write(directory.join("added"), "added").unwrap();
    let put_back = || {
        let opened = fs::File::open(&directory).unwrap();
        opened.set_modified(time).unwrap();
    };
    put_back();
    let added = ("src/00/added".to_owned(), DifferenceKind::Added);
    // Not only the first time, after which hints are written.
    for _ in 0..3 {
        assert_eq!(world.differences(), std::slice::from_ref(&added));
    }
    fs::remove_file(directory.join("added")).unwrap();
    put_back();
    assert_eq!(world.differences(), []);
}

#[test]
fn a_rollback_needs_no_index_when_nothing_touched_the_tree() {
    let mut world = World::new();
    let first = world.release(&small_tree("0"));
    world.install().unwrap();
    world.release(&small_tree("1"));
    world.install().unwrap();
    fs::remove_dir_all(world.state().join("bundles").join(first.hex())).unwrap();
    world.registry.change(|served| served.down = true);
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(first));
}

#[test]
fn set_aside_trees_are_listed_and_only_the_named_one_is_removed() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    for edit in ["first", "second"] {
        fs::write(world.current().join("version.txt"), edit).unwrap();
        world.install().unwrap();
    }
    let aside = world.set_aside();
    assert_eq!(aside.len(), 2);
    let run = world.run(&["set-aside", "list"]);
    for tree in &aside {
        assert!(run.stdout.contains(tree.path.to_str().unwrap()), "{run:?}");
    }
    let run = world.run(&["status"]);
    assert!(run.stderr.contains("set-aside remove"), "{run:?}");
    // Both begin alike, so a beginning names neither.
    let project = world.project.to_string();
    let hash = &aside[0].name[..12];
    for wrong in [hash, "", "..", "../releases", "/", "none"] {
        let run = world.run(&["set-aside", "remove", &project, "--", wrong]);
        assert_eq!(run.status, Some(1), "{wrong}: {run:?}");
    }
    assert_eq!(world.set_aside(), aside);
    let run = world.run(&["set-aside", "remove", &project, &aside[0].name]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(world.set_aside(), aside[1..]);
    assert!(!aside[0].path.exists());
    assert!(!aside[0].path.with_added_extension("json").exists());
    world.assert_intact();
}
