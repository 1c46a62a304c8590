//! `kill -9` at every place: the old release or the new one is live, and the same command works
//! afterwards.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use bulla_installer::ActivationResult;
use bulla_schemas::Digest;

use crate::delta::{asked, install, updated};
use crate::obstacles::Immutable;
use crate::world::{INSTALL, World, noise, small_tree};

/// Runs a command that dies at a place; tells whether it came by there.
fn dies(world: &World, point: &str, arguments: &[&str]) -> bool {
    let output = world
        .command(arguments)
        .env("BULLA_FAILPOINT", point)
        .output()
        .unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{point}: {output:?}");
    killed
}

fn points(world: &World) -> Vec<String> {
    let run = world.run(&["failpoints"]);
    run.stdout.lines().map(str::to_owned).collect()
}

fn assert_live_is_one_of(world: &World, point: &str, allowed: [Digest; 2]) {
    let live = world
        .live()
        .unwrap_or_else(|| panic!("{point}: nothing is live"));
    assert!(allowed.contains(&live), "{point}: {live} is live");
    world.assert_intact();
}

const ROLLBACK: [&str; 2] = ["rollback", "acme/billing"];

#[test]
fn an_install_that_dies_anywhere_leaves_the_old_or_the_new_release() {
    let mut survived = Vec::new();
    for point in points(&World::new()) {
        let mut world = World::new();
        let old = world.install_each(&["0\n", "1\n", "2\n"])[2];
        let tree = small_tree("new\n").file("large", noise("l", 3_000_000));
        let new = world.release(&tree.unwrap());
        if !dies(&world, &point, &INSTALL) {
            survived.push(point);
            continue;
        }
        assert_live_is_one_of(&world, &point, [old, new]);
        // A second death at the same place does no harm either.
        dies(&world, &point, &INSTALL);
        assert_live_is_one_of(&world, &point, [old, new]);
        let run = world.run(&INSTALL);
        assert_eq!(run.status, Some(0), "{point}: {run:?}");
        assert_eq!(world.live(), Some(new), "{point}");
        world.assert_intact();
        assert_clean(&world, &point);
        // The journal of activations has each once.
        let history = world.history();
        let hashes: Vec<Digest> = history.iter().map(|activation| activation.hash).collect();
        assert_eq!(
            hashes.iter().filter(|hash| **hash == new).count(),
            1,
            "{point}"
        );
        assert_eq!(world.run(&ROLLBACK).status, Some(0), "{point}");
        assert_eq!(world.live(), Some(old), "{point}");
    }
    // What only a release with hooks or checks, a rollback or a recovery comes by.
    let elsewhere = [
        "activation::prepare-begun",
        "activation::prepared",
        "load-balancer::marked",
        "load-balancer::drained",
        "activation::activate-begun",
        "activation::activated",
        "activation::watch-begun",
        "activation::watched",
        "activation::return-begun",
        "activation::failure-written",
        "load-balancer::undrained",
        "rollback::checked",
        "recover::before-finish",
    ];
    assert_eq!(survived, elsewhere);
}

#[test]
fn a_rollback_that_dies_anywhere_leaves_the_old_or_the_new_release() {
    let mut died = 0;
    for point in points(&World::new()) {
        let mut world = World::new();
        let installed = world.install_each(&["one\n", "two\n"]);
        let [first, second] = [installed[0], installed[1]];
        if !dies(&world, &point, &ROLLBACK) {
            continue;
        }
        died += 1;
        assert_live_is_one_of(&world, &point, [first, second]);
        let run = world.run(&["rollback", "acme/billing", &first.hex()[..8]]);
        assert_eq!(run.status, Some(0), "{point}: {run:?}");
        assert_eq!(world.live(), Some(first), "{point}");
        world.assert_intact();
        assert_clean(&world, &point);
        let found = world.status(None);
        assert_eq!(
            found[0].hold.as_ref().map(|hold| hold.left),
            Some(second),
            "{point}"
        );
        let history = world.history();
        assert_eq!(history.len(), 3, "{point}");
    }
    assert!(died >= 8, "{died}");
}

/// A release that is watched for a moment, on a port where something listens or nothing does.
fn watched(port: u16) -> String {
    format!(r#"{{"health":{{"tcp":"127.0.0.1:{port}","settle":"0s","window":"100ms"}}}}"#)
}

#[test]
fn an_install_of_a_watched_release_that_dies_anywhere_is_finished_or_undone() {
    // R13: the agent dies in the middle of a deployment.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let wants = watched(listener.local_addr().unwrap().port());
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let mut died = 0;
    for point in points(&World::new()) {
        let mut world = World::new();
        let old = world.release_with(&small_tree("old\n"), &wants);
        world.install().unwrap();
        let new = world.release_with(&small_tree("new\n"), &wants);
        if !dies(&world, &point, &INSTALL) {
            continue;
        }
        died += usize::from(point.starts_with("activation::"));
        assert_live_is_one_of(&world, &point, [old, new]);
        let run = world.run(&INSTALL);
        assert_eq!(run.status, Some(0), "{point}: {run:?}");
        assert_eq!(world.live(), Some(new), "{point}");
        assert_clean(&world, &point);
        // Nothing counts as healthy that was not watched to the end.
        let results: Vec<_> = world.history().iter().map(|line| line.result).collect();
        assert_eq!(results, [ActivationResult::Healthy; 2], "{point}");
    }
    assert!(died >= 10, "{died}");
}

#[test]
fn an_install_of_a_failing_release_that_dies_anywhere_ends_where_it_was() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let wants = watched(closed.local_addr().unwrap().port());
    drop(closed);
    let mut died = 0;
    for point in points(&World::new()) {
        let mut world = World::new();
        let old = world.install_each(&["old\n"])[0];
        let bad = world.release_with(&small_tree("bad\n"), &wants);
        let output = world
            .command(&INSTALL)
            .env("BULLA_FAILPOINT", &point)
            .output()
            .unwrap();
        if output.status.signal() != Some(9) {
            assert_eq!(output.status.code(), Some(5), "{point}: {output:?}");
            continue;
        }
        died += usize::from(point.starts_with("activation::"));
        assert_live_is_one_of(&world, &point, [old, bad]);
        // By the recovery or by the install itself.
        let run = world.run(&INSTALL);
        assert!(matches!(run.status, Some(3 | 5)), "{point}: {run:?}");
        assert_eq!(world.live(), Some(old), "{point}");
        assert!(!world.memory().join("journal").exists(), "{point}");
        let run = world.run(&INSTALL);
        assert_eq!(run.status, Some(3), "{point}: {run:?}");
        let lines: Vec<_> = world
            .history()
            .iter()
            .map(|line| (line.hash, line.result))
            .collect();
        let (activated, failed) = (ActivationResult::Activated, ActivationResult::Failed);
        assert_eq!(
            lines,
            [(old, activated), (bad, failed), (old, activated)],
            "{point}"
        );
    }
    assert!(died >= 9, "{died}");
}

#[test]
fn a_server_whose_installer_dies_anywhere_comes_back_into_its_load_balancer() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: a host file counts for root's directories, because the test is not root");
        return;
    }
    let mut died = 0;
    for point in points(&World::new()) {
        let mut world = World::new();
        let config = crate::load_balancer::host_file(&world);
        let config = config.to_str().unwrap();
        let install = |world: &World| {
            let mut command = world.command(&["install", "acme/billing", "--config", config]);
            command.env("BULLA_FAILPOINT", &point).output().unwrap()
        };
        let old = world.release(&small_tree("old\n"));
        let run = world.run(&["install", "acme/billing", "--config", config]);
        assert_eq!(run.status, Some(0), "{run:?}");
        let new = world.release(&small_tree("new\n"));
        if install(&world).status.signal() != Some(9) {
            continue;
        }
        died += usize::from(point.starts_with("load-balancer::"));
        assert_live_is_one_of(&world, &point, [old, new]);
        let run = world.run(&["install", "acme/billing", "--config", config]);
        assert_eq!(run.status, Some(0), "{point}: {run:?}");
        assert_eq!(world.live(), Some(new), "{point}");
        assert_eq!(crate::load_balancer::state(&world), "in", "{point}");
        assert!(!world.memory().join("drained").exists(), "{point}");
    }
    assert_eq!(died, 3);
}

#[test]
fn a_rollback_leaves_a_release_that_was_not_proved_at_once() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let wants = watched(closed.local_addr().unwrap().port());
    drop(closed);
    let mut world = World::new();
    let old = world.install_each(&["old\n"])[0];
    let wants = wants.replace("100ms", "24h");
    world.release_with(&small_tree("new\n"), &wants);
    assert!(dies(&world, "activation::watch-begun", &INSTALL));
    assert_eq!(world.run(&ROLLBACK).status, Some(0));
    assert_eq!(world.live(), Some(old));
    assert!(!world.memory().join("journal").exists());
}

#[test]
fn a_recovery_that_dies_is_recovered_by_the_next_start() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&small_tree("two\n"));
    assert!(dies(&world, "current::switched", &INSTALL));
    assert!(dies(&world, "recover::before-finish", &INSTALL));
    assert_eq!(world.run(&INSTALL).status, Some(0));
    assert_eq!(world.live(), Some(second));
    let history = world.history();
    assert_eq!(history.len(), 2);
}

#[test]
fn what_a_dead_install_left_and_cannot_be_removed_stops_nothing() {
    for point in [
        "recycle::moved",
        "recycle::cleaned",
        "extract::half-of-the-files",
        "write::synced",
        "releases::moved",
        "garbage::before-remove",
    ] {
        let mut world = World::new();
        // With `--keep 2`, one old tree is recycled and one is removed.
        world.install_each(&["0\n", "1\n", "2\n", "3\n"]);
        let new = world.release(&small_tree("new\n"));
        assert!(dies(&world, point, &INSTALL), "{point}");
        let left = file_below(&world.site().join(".staging"));
        let Some(immutable) = Immutable::new(left.clone()) else {
            return;
        };
        let run = world.run(&INSTALL);
        assert_eq!(run.status, Some(0), "{point}: {run:?}");
        assert_eq!(world.live(), Some(new), "{point}");
        world.assert_intact();
        assert!(run.stderr.contains("immutable"), "{point}: {run:?}");
        assert_eq!(world.run(&ROLLBACK).status, Some(0), "{point}");
        world.assert_intact();
        assert!(left.exists(), "{point}");
        drop(immutable);
        assert_eq!(world.run(&INSTALL).status, Some(0), "{point}");
        assert_clean(&world, point);
    }
}

#[test]
fn a_tree_that_a_dead_install_moved_out_and_did_not_look_at_again_is_a_release_again() {
    let mut world = World::new();
    for number in 0..3 {
        world.release(&small_tree(&format!("{number}\n")));
        world.install().unwrap();
    }
    world.release(&small_tree("new\n"));
    assert!(dies(&world, "take-out::moved", &INSTALL));
    let moved = {
        let mut entries = std::fs::read_dir(world.site().join(".staging")).unwrap();
        entries.next().unwrap().unwrap().path()
    };
    // What a person wrote before the tree was moved.
    std::fs::write(moved.join("cache/precious"), "precious").unwrap();
    let run = world.run(&INSTALL);
    assert_eq!(run.status, Some(0), "{run:?}");
    world.assert_intact();
    assert_clean(&world, "take-out::moved");
    let kept = world.set_aside()[0].path.join("cache/precious");
    assert_eq!(std::fs::read(kept).unwrap(), b"precious");
}

fn file_below(directory: &Path) -> PathBuf {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                return entry.path();
            }
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            }
        }
    }
    panic!("nothing was left");
}

fn assert_clean(world: &World, point: &str) {
    assert!(!world.site().join(".staging").exists(), "{point}");
    assert!(!world.site().join(".current.new").exists(), "{point}");
    assert!(!world.memory().join("journal").exists(), "{point}");
    assert!(!world.memory().join("spool").exists(), "{point}");
}

#[test]
fn an_install_that_died_once_it_had_the_bundle_asks_for_the_delta_again() {
    let (world, first, second) = updated();
    assert!(dies(&world, "install::index-stored", &INSTALL));
    world.registry.forget_requests();
    let (downloaded, notes) = install(&world);
    assert_eq!((world.live(), notes.as_str()), (Some(second), ""));
    assert_eq!(asked(&world), [format!("POST {}", world.delta_path())]);
    assert_eq!(downloaded, world.delta(&first, &second).len() as u64);
}

#[test]
fn an_install_that_died_once_it_had_everything_asks_for_nothing() {
    let (world, _, second) = updated();
    let path = world.delta_path();
    let delta = world.registry.change(|served| served.files.remove(&path));
    assert!(dies(&world, "write::before-sync", &INSTALL));
    world.serve_delta(delta.unwrap());
    world.registry.forget_requests();
    install(&world);
    assert_eq!(world.live(), Some(second));
    assert_eq!(asked(&world), [] as [&str; 0]);
}
