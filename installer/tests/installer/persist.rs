//! What outlives a release.

use std::fs;
use std::os::unix::fs::symlink;

use bulla_installer::{Outcome, verify};
use bulla_schemas::install::Install;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{World, request, small_tree};

#[test]
fn what_is_in_a_persistent_path_outlives_updates_and_rollbacks() {
    // R9: shared data does not follow the rollback.
    let mut world = World::new();
    let install = Install {
        persist: vec![
            "var/uploads".parse().unwrap(),
            "config/local.php".parse().unwrap(),
        ],
        ..Install::default()
    };
    let first = world.publish(&small_tree("one\n"), install.clone());
    world.promote(first);
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert!(notes.contains("config/local.php"), "{notes}");
    let live = world.current();
    fs::write(live.join("var/uploads/a.jpg"), "upload").unwrap();
    fs::write(live.join("config/local.php"), "<?php").unwrap();

    let second = world.publish(&small_tree("two\n"), install);
    world.promote(second);
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert_eq!(notes, "");
    for _ in 0..2 {
        assert_eq!(fs::read(live.join("var/uploads/a.jpg")).unwrap(), b"upload");
        assert_eq!(fs::read(live.join("config/local.php")).unwrap(), b"<?php");
        world.assert_intact();
        let _ = world.rollback(None);
    }
    assert_eq!(world.live(), Some(first));
    assert!(world.site().join("persist/var/uploads/a.jpg").exists());
}

#[test]
fn what_is_lost_of_persist_is_made_again_by_install_and_by_rollback() {
    let mut world = World::new();
    let install = Install {
        persist: vec!["var/uploads/".parse().unwrap(), ".env".parse().unwrap()],
        ..Install::default()
    };
    for content in ["one\n", "two\n"] {
        let hash = world.publish(&small_tree(content), install.clone());
        world.promote(hash);
        world.install().unwrap();
    }
    let uploads = world.current().join("var/uploads");
    fs::remove_dir_all(world.site().join("persist")).unwrap();
    assert_eq!(missing(&world), ["var/uploads/", ".env"]);
    assert_eq!(world.install().unwrap().outcome, Outcome::AlreadyLive);
    assert!(uploads.is_dir());
    assert_eq!(missing(&world), [".env"]);
    fs::remove_dir_all(world.site().join("persist")).unwrap();
    world.rollback(None).unwrap();
    assert!(uploads.is_dir());
    let status = world.run(&["status", "acme/billing"]);
    assert!(
        status.stderr.contains("persist/.env` does not exist"),
        "{status:?}"
    );
    let verify = world.run(&["verify", "acme/billing"]);
    assert_eq!(verify.status, Some(0), "{verify:?}");
    assert!(
        verify.stderr.contains("persist/.env` does not exist"),
        "{verify:?}"
    );
}

fn missing(world: &World) -> Vec<String> {
    let verified = verify(&world.server(), &world.project).unwrap();
    let status = world.status(None);
    assert_eq!(status[0].missing, verified.missing);
    let paths = verified.missing.into_iter().map(|missing| missing.path);
    paths.collect()
}

#[test]
fn a_link_to_a_disk_that_is_not_mounted_stops_an_install_and_no_rollback() {
    let mut world = World::new();
    let install = Install {
        persist: vec!["up/".parse().unwrap()],
        ..Install::default()
    };
    let first = world.publish(&small_tree("one\n"), install.clone());
    world.promote(first);
    let up = world.site().join("persist/up");
    fs::create_dir_all(up.parent().unwrap()).unwrap();
    symlink("/mnt/not-mounted/up", &up).unwrap();
    let error = world.install().unwrap_err();
    assert!(error.to_string().contains("/mnt/not-mounted/up"), "{error}");
    assert_eq!(world.live(), None);
    fs::remove_file(&up).unwrap();
    world.install().unwrap();
    let second = world.publish(&small_tree("two\n"), install);
    world.promote(second);
    world.install().unwrap();
    fs::remove_dir(&up).unwrap();
    symlink("/mnt/not-mounted/up", &up).unwrap();
    assert!(world.install().is_err());
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(first));
}

#[test]
fn a_release_without_what_it_requires_is_not_made_live() {
    let mut world = World::new();
    let install = Install {
        persist: vec!["config/".parse().unwrap()],
        require: vec!["config/key".parse().unwrap()],
        ..Install::default()
    };
    let first = world.publish(&small_tree("one\n"), install);
    world.promote(first);
    let error = world.install().unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
    assert!(error.to_string().contains("persist/config/key"), "{error}");
    assert_eq!(world.live(), None);
    let key = world.site().join("persist/config/key");
    fs::create_dir_all(key.parent().unwrap()).unwrap();
    fs::write(&key, "secret").unwrap();
    world.install().unwrap();
    // What is live is not made worse by an install that changes nothing.
    fs::remove_file(&key).unwrap();
    assert_eq!(world.install().unwrap().outcome, Outcome::AlreadyLive);
}
