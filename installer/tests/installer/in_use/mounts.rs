//! What is mounted in a tree, or made of it, keeps it.

use std::fs;

use super::*;

#[test]
fn a_directory_that_is_mounted_in_an_old_release_keeps_its_files() {
    let _alone = alone();
    let mut server = Server::new();
    let customer = server.outside("data/deep/customer.pdf");
    let data = server.world.folder.path().join("data");
    let point = server.tree().join("uploads");
    let Some(mount) = Mount::bind(&data, &point) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains("is mounted on"), "{said}");
    assert!(said.contains(point.to_str().unwrap()), "{said}");
    assert_kept(&point.join("deep/customer.pdf"));
    drop(mount);
    server.assert_removed_by_the_next_install();
    assert_kept(&customer);
}

#[test]
fn a_disk_that_is_mounted_in_an_old_release_keeps_its_files() {
    let _alone = alone();
    let mut server = Server::new();
    let point = server.tree().join("cache");
    let Some(mount) = Mount::tmpfs(&point, "mode=0755") else {
        return;
    };
    fs::write(point.join("session"), "session").unwrap();
    let said = server.outlive();
    assert!(said.contains("tmpfs"), "{said}");
    assert_eq!(fs::read(point.join("session")).unwrap(), b"session");
    drop(mount);
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_file_that_is_mounted_in_an_old_release_keeps_its_content() {
    let _alone = alone();
    let mut server = Server::new();
    let secret = server.outside("secret");
    let point = server.tree().join("config.php");
    let Some(mount) = Mount::bind(&secret, &point) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains(point.to_str().unwrap()), "{said}");
    assert_kept(&point);
    drop(mount);
    server.assert_removed_by_the_next_install();
    assert_kept(&secret);
}

#[test]
fn a_release_that_is_covered_by_a_mount_stays() {
    let _alone = alone();
    let mut server = Server::new();
    let data = server.world.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in ["bin/app", "version.txt"] {
        fs::create_dir_all(data.join(name)).unwrap();
    }
    server.install("2\n");
    let Some(mount) = Mount::bind(&data, &server.tree()) else {
        return;
    };
    server.outlive();
    assert!(data.join("version.txt").exists());
    drop(mount);
    server.assert_removed_by_the_next_install();
    assert!(data.join("version.txt").exists());
}

#[test]
fn a_release_with_something_mounted_in_it_can_be_rolled_back_to() {
    let _alone = alone();
    let mut server = Server::new();
    let customer = server.outside("data/customer.pdf");
    let data = customer.parent().unwrap();
    let secret = server.outside("secret");
    let tree = server.tree();
    let Some(_mount) = Mount::bind(data, &tree.join("uploads")) else {
        return;
    };
    let Some(_mount) = Mount::bind(&secret, &tree.join("config.php")) else {
        return;
    };
    server.install("2\n");
    let rolled_back = server.world.rollback(None).unwrap();
    assert_eq!(rolled_back.hash, server.first);
    let uploads = server.world.current().join("uploads/customer.pdf");
    assert_kept(&uploads);
    assert!(!server.world.site().join("set-aside").exists());
    server.world.assert_intact();
}

#[test]
fn a_mount_that_only_a_container_sees_keeps_the_release() {
    let _alone = alone();
    let mut server = Server::new();
    let kept = server.outside("data/kept");
    let data = kept.parent().unwrap();
    let script = "mount --bind \"$2\" \"$1/uploads\"";
    let Some(container) = Process::container(script, [&server.tree(), data]) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains("in the mount namespace of process"), "{said}");
    assert!(server.tree().join("uploads").exists());
    drop(container);
    server.assert_removed_by_the_next_install();
    assert_kept(&kept);
}

#[test]
fn a_release_that_an_overlay_shows_stays() {
    let _alone = alone();
    let mut server = Server::new();
    let folder = server.world.folder.path().to_owned();
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| folder.join(name));
    for directory in [&upper, &work, &merged] {
        fs::create_dir(directory).unwrap();
    }
    let Some(mount) = Mount::overlay(&server.tree(), [&upper, &work], &merged) else {
        return;
    };
    let said = server.outlive();
    assert!(said.contains(merged.to_str().unwrap()), "{said}");
    assert_eq!(fs::read(merged.join("version.txt")).unwrap(), b"first\n");
    drop(mount);
    server.assert_removed_by_the_next_install();
}

#[test]
fn a_changed_tree_with_something_mounted_in_it_is_not_replaced() {
    let _alone = alone();
    let server = Server::new();
    let kept = server.outside("data/kept");
    let data = kept.parent().unwrap();
    let point = server.tree().join("uploads");
    let Some(mount) = Mount::bind(data, &point) else {
        return;
    };
    fs::write(server.tree().join("version.txt"), "edited").unwrap();
    let run = server
        .world
        .run(&["install", "acme/billing", "--channel", "prod"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stderr.contains(point.to_str().unwrap()), "{run:?}");
    assert!(run.stderr.contains("unmount"), "{run:?}");
    assert_kept(&point.join("kept"));
    assert_eq!(server.world.live(), Some(server.first));
    drop(mount);
    server.world.install().unwrap();
    server.world.assert_intact();
}

#[test]
fn verify_names_what_is_mounted_and_the_switch_says_that_it_stays_behind() {
    let _alone = alone();
    let mut server = Server::new();
    let point = server.tree().join("cache");
    let Some(_mount) = Mount::tmpfs(&point, "mode=0755") else {
        return;
    };
    fs::write(point.join("session"), "session").unwrap();
    let run = server.world.run(&["verify", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("mounted on `cache`"), "{run:?}");
    let said = server.install("2\n");
    assert!(said.contains(point.to_str().unwrap()), "{said}");
}
