//! A registry that stands still, first in the list of a server that has another one.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bulla_tests::{Agent, Program, Registry, Server, World};

const PROJECT: &str = "acme/billing";

/// A registry from a copy of what the world's has now. Nothing reaches it from then on.
fn frozen_copy(world: &mut World) -> Registry {
    world.registry.stop();
    let copy = world.path("frozen");
    let mut command = Command::new("cp");
    command.arg("-a").arg(world.registry.data()).arg(&copy);
    assert!(command.status().unwrap().success());
    world.registry.start_again();
    Registry::serve(&copy, &world.home())
}

/// A server that asks the frozen registry first.
fn server(world: &World, name: &str, frozen: &Registry) -> (Server, PathBuf) {
    let (server, host_file) = world.follower(name, PROJECT);
    let followed = fs::read_to_string(&host_file).unwrap();
    let registries = [frozen.url(), world.registry.url()]
        .map(|url| format!("\n[[registry]]\nurl = \"{url}\"\n"))
        .concat();
    let text = format!("poll = \"1s\"\n{followed}{registries}");
    fs::write(&host_file, text).unwrap();
    (server, host_file)
}

#[test]
fn a_registry_that_stands_still_keeps_nobody_from_what_another_one_knows() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let frozen = frozen_copy(&mut world);
    let (by_hand, its_file) = server(&world, "web1", &frozen);
    let (by_agent, agents_file) = server(&world, "web2", &frozen);
    let config = ["--config", its_file.to_str().unwrap()];
    let run = |arguments: &[&str]| by_hand.run(&[arguments, &config].concat());
    run(&["install"]).done();
    let mut agent = Agent::start_with(&by_agent, Program::Installer, &agents_file, &[]);
    agent.wait_until_live(&by_agent, PROJECT, &first);

    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    let installed = run(&["install"]).done();
    assert_eq!(by_hand.live(PROJECT), Some(second.clone()));
    let said = format!("{}/ is 2 entries behind", frozen.url());
    assert!(installed.stderr.contains(&said), "{installed}");
    let status = run(&["status"]).done();
    assert!(status.stderr.contains(&said), "{status}");
    let doctor = run(&["doctor"]);
    assert!(format!("{doctor}").contains(&said), "{doctor}");
    agent.wait_until_live(&by_agent, PROJECT, &second);
    agent.wait_until_said(&said);
}
