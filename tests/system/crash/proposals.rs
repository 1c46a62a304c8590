//! A `kill -9` at every failpoint of what several people sign: it waits or is in the log, nobody signs
//! anything that is lost, and the same commands complete it.

use std::thread;
use std::time::{Duration, Instant};

use bulla_tests::{Transcript, World};

use super::{PROJECT, failpoints};

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/src/failpoint.rs");

/// Runs a command, and once more where the registry dies meanwhile; tells whether it did.
fn again_if_killed(world: &mut World, command: impl Fn(&World) -> Transcript) -> bool {
    let first = command(world);
    let began = Instant::now();
    while !world.registry.was_killed() {
        // Whom a dying registry cuts off may end before that is seen to be dead.
        if first.status == Some(0) || began.elapsed() > Duration::from_secs(10) {
            first.done();
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    world.registry.start_again();
    command(world).done();
    true
}

#[test]
fn at_every_failpoint_of_a_proposal_it_waits_or_is_in_the_log_and_the_same_commands_complete_it() {
    let mut world = World::with_others(&["bob"]);
    let mut checkout = world.git(PROJECT);
    let protect = ["channel", "change", "prod", "--threshold", "2"];
    world.signed(&world.alice, &protect).done();
    let failpoints = failpoints(LIST);
    let failpoints: Vec<_> = failpoints
        .iter()
        .filter(|name| name.starts_with("proposals::"))
        .collect();
    assert!(failpoints.len() >= 3, "{failpoints:?}");
    for failpoint in failpoints {
        checkout.commit_change(failpoint);
        let hash = world.publish(&checkout.path);
        world.registry.stop();
        world.registry.start_dying(failpoint);
        let propose = |world: &World| {
            let mut promote = world.promote_command(PROJECT, &hash, "prod");
            Transcript::of(&mut promote)
        };
        let mut was_killed = again_if_killed(&mut world, propose);
        let waiting = world.pending();
        assert_eq!(waiting.len(), 1, "{failpoint}");
        let approve =
            |world: &World| world.signed(&world.others[0], &["approve", &waiting[0], "--drop"]);
        was_killed |= again_if_killed(&mut world, approve);
        assert!(was_killed, "nothing comes by {failpoint}");
        assert_eq!(world.pending(), [] as [String; 0], "{failpoint}");
        let status = world.bulla(&["status", "--project", PROJECT, "--json"]);
        let status = status.done().json();
        let channels = status[0]["channels"].as_array().unwrap().iter();
        let mut heads = channels.filter(|one| one["channel"] == "prod");
        assert_eq!(heads.next().unwrap()["hash"], hash.as_str(), "{failpoint}");
    }
    let history = world.bulla(&["history", "--project", PROJECT, "--json"]);
    let history = history.done().json();
    assert_eq!(history.as_array().map(Vec::len), Some(3), "{history}");
}
