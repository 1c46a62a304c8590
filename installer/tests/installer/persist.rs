//! What outlives a release.

use std::fs;

use bulla_schemas::install::Install;

use crate::world::{World, request, small_tree};

#[test]
fn what_is_in_a_persistent_path_outlives_updates_and_rollbacks() {
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
