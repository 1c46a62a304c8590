//! A registry that is away, or goes away in the middle.

use std::time::Duration;

use bulla_tests::chaos_proxy::{Direction, Fault};
use bulla_tests::{ChaosProxy, Transcript, World};

const TEMPORARY: i32 = 4;

#[test]
fn a_registry_that_is_away_when_a_release_is_published() {
    let mut world = World::new();
    let checkout = world.git("acme/billing");
    world.registry.stop();
    let mut publish = world.publish_command(&checkout.path);
    Transcript::of(&mut publish).fails(TEMPORARY, "127.0.0.1");
    world.registry.start_again();
    Transcript::of(&mut publish).done();
}

#[test]
fn a_registry_that_is_away_when_a_release_is_installed() {
    let mut world = World::new();
    let checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    world.registry.stop();
    server
        .install("acme/billing", "prod")
        .fails(TEMPORARY, "127.0.0.1");
    assert_eq!(server.live("acme/billing"), None);
    world.registry.start_again();
    server.install("acme/billing", "prod").done();
}

#[test]
fn a_registry_that_goes_away_in_the_middle_of_a_push() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let proxy = ChaosProxy::before(world.registry.address());
    let mut publish = world.publish_command(&checkout.path);
    publish.env("BULLA_REGISTRY", proxy.url());
    proxy.set(Fault::Away {
        direction: Direction::ToRegistry,
        after: 400_000,
    });
    Transcript::of(&mut publish).fails(TEMPORARY, "127.0.0.1");
    assert_eq!(proxy.passed(), 400_000, "the push was under way");
    proxy.heal();
    let hash = Transcript::of(&mut publish).done().last_line().to_owned();
    world.promote("acme/billing", &hash, "prod");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
}

#[test]
fn a_registry_that_goes_away_in_the_middle_of_a_pull() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    let first = world.release(&checkout.path, "acme/billing");
    let proxy = ChaosProxy::before(world.registry.address());
    let server = world.server_at("web1", &proxy.url());
    server.install("acme/billing", "prod").done();
    let live = server.live_tree("acme/billing");
    // A release that shares nothing with the one before.
    let other: Vec<u8> = std::fs::read(checkout.path.join("public/picture.bin"))
        .unwrap()
        .iter()
        .map(|byte| byte ^ 0x5a)
        .collect();
    checkout.write("public/picture.bin", other);
    checkout.commit("Another picture");
    let second = world.release(&checkout.path, "acme/billing");
    for after in [200, 20_000, 700_000, 1_300_000] {
        proxy.set(Fault::Away {
            direction: Direction::FromRegistry,
            after,
        });
        server
            .install("acme/billing", "prod")
            .fails(TEMPORARY, "127.0.0.1");
        assert_eq!(
            server.live("acme/billing"),
            Some(first.clone()),
            "after {after}"
        );
        assert_eq!(server.live_tree("acme/billing"), live, "after {after}");
    }
    proxy.heal();
    server.install("acme/billing", "prod").done();
    assert_eq!(server.live("acme/billing"), Some(second));
    server.run(&["verify", "acme/billing"]).done();
}

#[test]
fn connections_that_break_again_and_again_are_resumed() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.release(&checkout.path, "acme/billing");
    let proxy = ChaosProxy::before(world.registry.address());
    let server = world.server_at("web1", &proxy.url());
    proxy.set(Fault::Truncate { after: 600_000 });
    server.install("acme/billing", "prod").done();
    assert_eq!(server.live("acme/billing"), Some(hash));
}

#[test]
fn a_slow_network_is_only_slow() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let proxy = ChaosProxy::before(world.registry.address());
    proxy.set(Fault::Delay(Duration::from_millis(5)));
    let mut publish = world.publish_command(&checkout.path);
    publish.env("BULLA_REGISTRY", proxy.url());
    let hash = Transcript::of(&mut publish).done().last_line().to_owned();
    world.promote("acme/billing", &hash, "prod");
    let server = world.server_at("web1", &proxy.url());
    server.install("acme/billing", "prod").done();
}

#[test]
fn an_address_where_no_registry_listens_and_one_that_is_none() {
    let world = World::new();
    let mut anchor = world.bulla_command();
    anchor.args(["history", "prod", "--project", "acme/billing"]);
    // Port 9 is discard: nothing listens there.
    anchor.env("BULLA_REGISTRY", "http://127.0.0.1:9");
    Transcript::of(&mut anchor).fails(TEMPORARY, "127.0.0.1:9");
    anchor.env("BULLA_REGISTRY", "not a url");
    assert_eq!(Transcript::of(&mut anchor).status, Some(2));
}
