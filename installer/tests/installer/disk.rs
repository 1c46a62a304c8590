//! A root that is too small.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_bundle::MemoryTree;
use bulla_installer::{InstallError, Server, TreeError, WriteError};

use crate::obstacles::Mount;
use crate::world::{Notes, Run, World, install_on, noise, request, small_tree};

fn large_tree() -> MemoryTree {
    MemoryTree::default()
        .file("large", noise("large", 6_000_000))
        .unwrap()
}

/// Copies the state to a disk of 2 MiB.
fn state_on_small_disk(world: &World) -> Option<(Mount, PathBuf)> {
    let small = world.folder.path().join("small");
    let disk = Mount::tmpfs(&small, "size=2m")?;
    let copied = Command::new("cp")
        .args(["-a", "--"])
        .arg(world.state().join("."))
        .arg(&small)
        .status()
        .unwrap();
    assert!(copied.success());
    Some((disk, small))
}

#[test]
fn a_full_root_is_refused_with_the_numbers_before_the_payload_is_fetched() {
    // R5: the disk fills, and then even cleanup fails.
    let mut world = World::new();
    let root = world.root();
    let Some(_disk) = Mount::tmpfs(&root, "size=4m") else {
        return;
    };
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&large_tree());
    let error = world.install().unwrap_err();
    assert!(
        matches!(error, InstallError::Write(WriteError::Tree(TreeError::NoSpace { needed, .. })) if needed > 6_000_000),
        "{error}"
    );
    let payload = world.layer_path(&second, 0);
    assert_eq!(world.registry.requests(&payload), [] as [&str; 0]);
    assert_eq!(world.live(), Some(first));
    world.assert_intact();
}

#[test]
fn a_root_without_inodes_is_refused() {
    let mut world = World::new();
    let root = world.root();
    let Some(_disk) = Mount::tmpfs(&root, "size=64m,nr_inodes=40") else {
        return;
    };
    world.release(&crate::world::wide_tree(60, "one\n"));
    let error = world.install().unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Write(WriteError::Tree(TreeError::NoInodes { .. }))
        ),
        "{error}"
    );
    assert_eq!(world.live(), None);
}

#[test]
fn a_rollback_needs_no_inode_of_a_full_root() {
    // R5: the disk fills, and then even cleanup fails.
    let mut world = World::new();
    let root = world.root();
    let Some(_disk) = Mount::tmpfs(&root, "size=64m,nr_inodes=200") else {
        return;
    };
    let hashes = world.install_each(&["one", "two", "three"]);
    let fill = |number: usize| std::fs::write(root.join(number.to_string()), "").is_ok();
    assert!((0..200).any(|number| !fill(number)), "inodes are left");
    for expected in [1, 2, 1] {
        world.rollback(Some(&hashes[expected].hex()[..12])).unwrap();
        assert_eq!(world.live(), Some(hashes[expected]));
        world.assert_intact();
    }
}

#[test]
fn a_full_state_directory_stops_no_rollback_and_is_written_later() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    let Some((_disk, small)) = state_on_small_disk(&world) else {
        return;
    };
    let on_small = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla-installer"));
        command.args(arguments).arg("--root").arg(world.root());
        Run::of(&command.arg("--state").arg(&small).output().unwrap())
    };
    fill(&small);
    // Also to a tree that has to be repaired, and from there back.
    std::fs::write(world.tree(&hashes[0]).join("bin/app"), "edited").unwrap();
    for hash in [hashes[0], hashes[1], hashes[0]] {
        let run = on_small(&["rollback", "acme/billing", &hash.hex(), "-m", "outage"]);
        assert_eq!(run.status, Some(0), "{run:?}");
        assert!(run.stderr.contains("could be written down"), "{run:?}");
        assert_eq!(world.live(), Some(hash));
        assert_eq!(on_small(&["status"]).status, Some(0));
    }
    std::fs::remove_file(small.join("filler")).unwrap();
    let run = on_small(&["rollback", "acme/billing", &hashes[1].hex()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let run = on_small(&["history", "acme/billing"]);
    let last = run.stdout.lines().last().unwrap();
    assert!(last.contains(&hashes[1].short()), "{run:?}");
    let run = on_small(&["verify", "acme/billing"]);
    assert_eq!(run.status, Some(0), "{run:?}");
}

/// Writes to a file system until nothing more fits.
fn fill(directory: &Path) {
    use std::io::Write as _;
    let mut filler = std::fs::File::create(directory.join("filler")).unwrap();
    for size in [4096, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_read_only_state_directory_stops_no_rollback() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    let Some(mount) = Mount::bind(&world.state(), &world.state()) else {
        return;
    };
    mount.make_read_only();
    let run = world.run(&["rollback", "acme/billing", "-m", "outage"]);
    drop(mount);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("could be written down"), "{run:?}");
    assert_eq!(world.live(), Some(hashes[0]));
    world.install().unwrap();
    assert_eq!(world.history().len(), 4);
}

#[test]
fn a_state_directory_that_fills_up_leaves_the_live_release_and_works_afterwards() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&large_tree());
    let Some((disk, small)) = state_on_small_disk(&world) else {
        return;
    };
    let server = Server::new(world.root(), &small);
    let result = install_on(&server, &world.project, &request(), &Notes::default());
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            InstallError::Write(WriteError::Tree(TreeError::NoSpace { .. }))
        ),
        "{error}"
    );
    assert_eq!(world.live(), Some(first));
    drop(disk);
    world.install().unwrap();
    assert_eq!(world.live(), Some(second));
}

/// A command to which the system says, wherever it writes into a file, that the quota is full. Most
/// kernels that run tests cannot enforce a quota.
fn with_full_quota(command: &Command, file: &Path) -> Option<Command> {
    let mut probe = Command::new("strace");
    let can_trace = probe.args(["-o", "/dev/null", "true"]).status();
    if !can_trace.is_ok_and(|status| status.success()) {
        eprintln!("skip: a full quota, because strace is not installed or may not trace");
        return None;
    }
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=write,pwrite64"])
        .args(["-e", "inject=write,pwrite64:error=EDQUOT", "-P"])
        .arg(file)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    Some(traced)
}

#[test]
fn a_full_quota_is_told_as_such_and_leaves_what_is_live() {
    let mut world = World::new();
    let first = world.install_each(&["one\n"])[0];
    let second = world.release(&small_tree("two\n"));
    let install = ["install", "acme/billing", "--channel", "prod"];
    let staged = world.site().join(".staging").join(second.hex());
    let Some(mut limited) = with_full_quota(&world.command(&install), &staged.join("version.txt"))
    else {
        return;
    };
    let run = Run::of(&limited.output().unwrap());
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stderr.contains("quota exceeded"), "{run:?}");
    assert!(run.stderr.contains("count for the same quota"), "{run:?}");
    assert_eq!(world.live(), Some(first));
    assert!(!staged.exists());
    assert_eq!(world.trees(), [first.hex()]);
    world.assert_intact();
    world.install().unwrap();
    assert_eq!(world.live(), Some(second));
}

#[test]
fn a_full_quota_of_the_state_stops_no_rollback_and_is_written_later() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    let rollback = ["rollback", "acme/billing", "-m", "outage"];
    let history = world.memory().join("history");
    let Some(mut limited) = with_full_quota(&world.command(&rollback), &history) else {
        return;
    };
    let run = Run::of(&limited.output().unwrap());
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("could be written down"), "{run:?}");
    assert_eq!(world.live(), Some(hashes[0]));
    assert_eq!(world.history().len(), 2);
    world.rollback(Some(&hashes[1].hex())).unwrap();
    assert_eq!(world.history().len(), 4);
}
