//! Disks that are full and folders that may not be written.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::{Registry, Server, Transcript, World, skip};
use rustix::process::geteuid;

const FAILED: i32 = 1;
const NOBODY: u32 = 65534;

/// A small file system in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one, or says aloud why not.
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mut mount = hermetic("mount", Path::new("/"));
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&path);
        if Transcript::of(&mut mount).status == Some(0) {
            Some(Self(path))
        } else {
            skip("a full disk, because this user cannot mount a small file system");
            None
        }
    }

    fn grow(&self, size: &str) {
        let mut mount = hermetic("mount", Path::new("/"));
        mount
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.0);
        Transcript::of(&mut mount).done();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = hermetic("umount", Path::new("/"));
        Transcript::of(unmount.arg("--lazy").arg(&self.0)).done();
    }
}

#[test]
fn a_server_whose_disk_is_full_keeps_what_is_live() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(world.path("small"), "5m") else {
        return;
    };
    let mut checkout = world.git("acme/billing");
    let first = world.release(&checkout.path, "acme/billing");
    let server = Server::new(&disk.0, &world.home());
    server
        .run(&["enroll", world.registry.url(), &world.anchor])
        .done();
    server.install("acme/billing", "prod").done();
    let live = server.live_tree("acme/billing");

    let larger: Vec<u8> = (0..6_000_000_u32)
        .map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    checkout.write("public/larger.bin", larger);
    checkout.commit("More than fits");
    let second = world.release(&checkout.path, "acme/billing");
    server
        .install("acme/billing", "prod")
        .fails(FAILED, "bytes on the file system");
    assert_eq!(server.live("acme/billing"), Some(first));
    assert_eq!(server.live_tree("acme/billing"), live);
    server.run(&["verify", "acme/billing"]).done();

    disk.grow("64m");
    server.install("acme/billing", "prod").done();
    assert_eq!(server.live("acme/billing"), Some(second));
}

#[test]
fn a_registry_whose_disk_is_full_loses_nothing() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(world.path("small"), "3m") else {
        return;
    };
    let registry = Registry::serve(&disk.0.join("registry"), &world.home());
    let anchor = world.init(&registry, &["prod"]).last_line().to_owned();
    let token = registry.create_token("push,pull", "*");
    let mut checkout = world.git("acme/billing");
    let publish = |checkout: &Path| {
        let mut command = world.publish_command(checkout);
        command
            .env("BULLA_REGISTRY", registry.url())
            .env("BULLA_ANCHOR", &anchor)
            .env("BULLA_TOKEN", &token);
        Transcript::of(&mut command)
    };
    let first = publish(&checkout.path).done().last_line().to_owned();
    let larger: Vec<u8> = (0..4_000_000_u32)
        .map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    checkout.write("public/larger.bin", larger);
    checkout.commit("More than fits");
    let full = publish(&checkout.path);
    assert!(matches!(full.status, Some(1 | 4)), "{full}");
    assert!(full.stderr.contains("error: "), "{full}");
    let mut show = world.bulla_command();
    show.args(["show", &first, "--project", "acme/billing"])
        .env("BULLA_REGISTRY", registry.url())
        .env("BULLA_ANCHOR", &anchor)
        .env("BULLA_TOKEN", &token);
    Transcript::of(&mut show).done();

    disk.grow("64m");
    publish(&checkout.path).done();
}

#[test]
fn a_server_folder_that_may_not_be_written() {
    if !geteuid().is_root() {
        skip("a folder without permission, because only root can become another user");
        return;
    }
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.release(&checkout.path, "acme/billing");
    let program = world.path("bulla-installer");
    std::fs::copy(Program::Installer.path(), &program).unwrap();
    open(&world.path("."), 0o711);
    let home = world.path("home-of-nobody");
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let root = home.join("srv");
    std::fs::create_dir(&root).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = hermetic(&program, &home);
        command
            .args(arguments)
            .arg("--root")
            .arg(&root)
            .arg("--state")
            .arg(home.join("state"))
            .uid(NOBODY)
            .gid(NOBODY);
        Transcript::of(&mut command)
    };
    run(&["enroll", world.registry.url(), &world.anchor]).done();
    let install = ["install", "acme/billing", "--channel", "prod"];
    let refused = run(&install).fails(FAILED, "permission denied");
    assert!(refused.stderr.contains("srv"), "{refused}");
    std::os::unix::fs::chown(&root, Some(NOBODY), Some(NOBODY)).unwrap();
    run(&install).done();
    let current = std::fs::read_link(root.join("acme/billing/current")).unwrap();
    assert!(hash.ends_with(current.file_name().unwrap().to_str().unwrap()));
}

#[test]
fn an_output_file_that_may_not_be_written() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let mut pack = world.bulla_command();
    pack.arg("pack")
        .arg(&checkout.path)
        .args(["--output", "/proc/nowhere/out.bulla"]);
    Transcript::of(&mut pack).fails(FAILED, "/proc/nowhere");
}

#[test]
fn an_export_to_a_full_disk_leaves_what_was_there() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(world.path("small"), "1m") else {
        return;
    };
    let checkout = world.git("acme/billing");
    let hash = world.release(&checkout.path, "acme/billing");
    let file = disk.0.join("billing.bulla");
    std::fs::write(&file, "an earlier one").unwrap();
    let export = || world.bulla(&["export", &hash, "-o", file.to_str().unwrap()]);
    export().fails(FAILED, "no space left on device");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "an earlier one");
    assert_eq!(std::fs::read_dir(&disk.0).unwrap().count(), 1);
    disk.grow("64m");
    export().done();
    world.bulla(&["import", file.to_str().unwrap()]).done();
}

fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
