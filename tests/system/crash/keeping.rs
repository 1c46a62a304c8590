//! A `kill -9` at every failpoint of `bulla-registry gc`: nothing is damaged, what must stay is there
//! byte for byte, and the next `gc` completes.

use std::time::Duration;

use bulla_tests::{Transcript, World};

use super::registry::{assert_is_whole, noise};
use super::{PROJECT, failpoints};

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/src/failpoint.rs");
/// All that nobody has promoted, once it is a second old.
const GC: [&str; 5] = ["gc", "--grace", "1s", "--keep-unpromoted", "1s"];

#[test]
fn at_every_failpoint_of_gc_what_must_stay_is_there_and_the_next_one_completes() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut heads = vec![world.release(&checkout.path, PROJECT)];
    let failpoints = failpoints(LIST);
    let failpoints: Vec<_> = failpoints
        .iter()
        .filter(|name| name.starts_with("gc::"))
        .collect();
    assert!(failpoints.len() >= 8, "{failpoints:?}");
    for (round, failpoint) in failpoints.into_iter().enumerate() {
        // The first release's pack has frames that the head needs, and others that nobody does; that
        // of the last has nothing else.
        let mut published = Vec::new();
        checkout.write("assets/same", noise(10 * round));
        for number in 1..=3 {
            checkout.write("assets/noise", noise(10 * round + number));
            checkout.commit(failpoint);
            published.push(world.publish(&checkout.path));
        }
        world.promote(PROJECT, &published[1], "prod");
        heads.push(published[1].clone());
        world.registry.stop();
        kill_at(&world, failpoint);
        world.registry.keep(&["fsck"]).done();
        world.registry.start_again();
        for hash in &heads {
            assert_is_whole(&world, hash);
        }
        world.registry.stop();
        let before = used(&world);
        world.registry.keep(&GC).done();
        world.registry.keep(&["fsck"]).done();
        assert!(used(&world) <= before, "{failpoint}");
        world.registry.start_again();
        for hash in &heads {
            assert_is_whole(&world, hash);
        }
        // A release that went can be published again.
        assert_eq!(world.publish(&checkout.path), published[2]);
        assert_is_whole(&world, &published[2]);
    }
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_ref(), heads.last());
}

/// Runs `gc` until it comes by the failpoint: what was just published is too new at first.
fn kill_at(world: &World, failpoint: &str) {
    for _ in 0..60 {
        if world.registry.keep_dying(failpoint, &GC) {
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("no gc comes by {failpoint}");
}

fn used(world: &World) -> u64 {
    let du: Transcript = world.registry.keep(&["du", "--json"]);
    du.done().json()["real"].as_u64().unwrap()
}
