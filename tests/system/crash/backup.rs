//! A `kill -9` at every failpoint of `bulla-registry backup` and `restore`: what a backup had can be
//! restored, and the same command completes what was begun.

use std::path::Path;

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::{Registry, Transcript, World};

use super::registry::noise;
use super::{PROJECT, failpoints};

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/src/failpoint.rs");

fn of(modules: &[&str]) -> Vec<String> {
    let mut found = failpoints(LIST);
    found.retain(|name| modules.iter().any(|module| name.starts_with(module)));
    found
}

/// Runs `bulla-registry restore` into `data`; one that dies is killed at a failpoint.
fn restore(world: &World, from: &Path, data: &Path, failpoint: Option<&str>) -> Transcript {
    let program = match failpoint {
        Some(_) => Program::FailingRegistry,
        None => Program::Registry,
    };
    let mut command = hermetic(program.path(), &world.home());
    command.arg("restore").arg(from).arg("--data").arg(data);
    command.envs(failpoint.map(|name| ("BULLA_FAILPOINT", name)));
    Transcript::of(&mut command)
}

fn serve(world: &World, data: &Path) -> Transcript {
    let mut command = hermetic(Program::Registry.path(), &world.home());
    Transcript::of(command.arg("serve").arg("--data").arg(data))
}

/// Restores a backup, and installs what `prod` points to from there.
fn assert_serves(world: &World, from: &Path, name: &str, heads: &[String]) {
    let data = world.path(name);
    restore(world, from, &data, None).done();
    let registry = Registry::serve(&data, &world.home());
    let server = world.server_at(name, registry.url());
    server.install(PROJECT, "prod").done();
    let live = server.live(PROJECT).unwrap();
    assert!(heads.contains(&live), "{name}: {live}");
}

#[test]
fn at_every_failpoint_of_a_backup_there_is_one_to_restore_and_the_next_completes() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut heads = vec![world.release(&checkout.path, PROJECT)];
    let failpoints = of(&["backup::", "transfer::", "copies::"]);
    assert!(failpoints.len() >= 7, "{failpoints:?}");
    let to = world.path("backup");
    world
        .registry
        .keep(&["backup", to.to_str().unwrap()])
        .done();
    for (round, failpoint) in failpoints.iter().enumerate() {
        checkout.write("assets/noise", noise(round));
        checkout.commit(failpoint);
        heads.push(world.release(&checkout.path, PROJECT));
        let last = &heads[heads.len() - 2..];
        let backup = ["backup", to.to_str().unwrap()];
        assert!(world.registry.keep_dying(failpoint, &backup), "{failpoint}");
        assert_serves(&world, &to, &format!("cut {round}"), last);
        world.registry.keep(&backup).done();
        assert_serves(&world, &to, &format!("whole {round}"), &last[1..]);
        // The first of all has nothing to restore before it is whole.
        let first = world.path(&format!("first {round}"));
        let backup = ["backup", first.to_str().unwrap()];
        assert!(world.registry.keep_dying(failpoint, &backup), "{failpoint}");
        let nothing = restore(&world, &first, &world.path(&format!("none {round}")), None);
        nothing.fails(1, "never came to its end");
        world.registry.keep(&backup).done();
        world.registry.keep(&["fsck"]).done();
    }
}

#[test]
fn at_every_failpoint_of_a_restore_nothing_serves_half_of_it_and_the_same_command_completes() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let head = world.release(&checkout.path, PROJECT);
    let to = world.path("backup");
    world
        .registry
        .keep(&["backup", to.to_str().unwrap()])
        .done();
    let failpoints = of(&["restore::", "transfer::", "copies::"]);
    assert!(failpoints.len() >= 6, "{failpoints:?}");
    for (round, failpoint) in failpoints.iter().enumerate() {
        let data = world.path(&format!("data {round}"));
        let killed = restore(&world, &to, &data, Some(failpoint));
        assert_eq!(killed.status, None, "{failpoint}: {killed}");
        serve(&world, &data).fails(1, "not all that was to be restored");
        restore(&world, &to, &data, None).done();
        let registry = Registry::serve(&data, &world.home());
        let server = world.server_at(&format!("web {round}"), registry.url());
        server.install(PROJECT, "prod").done();
        assert_eq!(server.live(PROJECT).as_ref(), Some(&head));
    }
}
