//! A `kill -9` while `bulla-registry fsck` brings releases from another registry: what came is whole, and the
//! same command brings the rest.

use bulla_tests::{Registry, Transcript, World};

use super::PROJECT;
use super::registry::noise;

#[test]
fn what_a_killed_repair_has_brought_is_whole_and_the_next_one_goes_on() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let hashes: Vec<String> = (0..3)
        .map(|number| {
            checkout.write("assets/noise", noise(number));
            checkout.commit("Noise");
            world.release(&checkout.path, PROJECT)
        })
        .collect();
    world.bulla(&["log", "fetch", "kept-log"]).done();
    let data = world.path("rebuilt");
    let rebuilt = Registry::at_rest(&data, &world.home());
    let create = ["create", "--init", "--scope", "pull"];
    rebuilt.token(&create).done();
    let key = "log-key.pem";
    std::fs::copy(world.registry.data().join(key), data.join(key)).unwrap();
    let kept = world.path("kept-log");
    rebuilt.keep(&["import-log", kept.to_str().unwrap()]).done();
    let missed = || {
        let found: Transcript = rebuilt.keep(&["fsck", "--json"]);
        found.json()["damages"].as_array().unwrap().len()
    };
    let url = world.registry.url();
    let repair = ["fsck", "--repair", "--from", url];
    for left in [3, 2, 1] {
        assert_eq!(missed(), left);
        assert!(rebuilt.keep_dying("fetch::manifest-taken", &repair));
    }
    rebuilt.keep(&repair).done();
    assert!(!data.join("fetching").exists());
    rebuilt.keep(&["fsck"]).done();
    let again = Registry::serve(&data, &world.home());
    let server = world.server_at("web1", again.url());
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_ref(), hashes.last());
}
