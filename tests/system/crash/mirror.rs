//! A `kill -9` at every failpoint that a mirror comes by: what its log names is there, and the next run
//! completes.

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::{Registry, Transcript, World};

use super::registry::noise;
use super::{PROJECT, failpoints};

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/src/failpoint.rs");
/// What a mirror comes by when it stores what a publish stored.
const STORING: [&str; 6] = [
    "blobs::",
    "catalog::",
    "packing::",
    "tiles::",
    "mirror::",
    "mirrored::",
];

#[test]
fn at_every_failpoint_of_a_mirror_it_serves_what_it_has_and_the_next_run_completes() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut heads = vec![world.release(&checkout.path, PROJECT)];
    let data = world.path("mirror");
    let command = |program: Program| {
        let mut command = hermetic(program.path(), &world.home());
        let url = world.registry.url();
        command.args(["mirror", url, "--once", "--trust-first-use", "--data"]);
        command.arg(&data);
        command
    };
    Transcript::of(&mut command(Program::Registry)).done();
    let mut failpoints = failpoints(LIST);
    failpoints.retain(|name| STORING.iter().any(|module| name.starts_with(module)));
    assert!(failpoints.len() >= 12, "{failpoints:?}");
    for (number, failpoint) in failpoints.iter().enumerate() {
        checkout.write("assets/noise", noise(number));
        checkout.commit(failpoint);
        heads.push(world.release(&checkout.path, PROJECT));
        let mut dying = command(Program::FailingRegistry);
        let killed = Transcript::of(dying.env("BULLA_FAILPOINT", failpoint));
        assert_eq!(killed.status, None, "{failpoint}: {killed}");
        let (before, new) = (&heads[heads.len() - 2], &heads[heads.len() - 1]);
        {
            // Nothing is at this address, so it serves what it has.
            let mirror = Registry::mirror("http://127.0.0.1:9", &data, &world.home());
            let server = world.server_at(&format!("cut {number}"), mirror.url());
            server.install(PROJECT, "prod").done();
            let live = server.live(PROJECT).unwrap();
            assert!(live == *before || live == *new, "{failpoint}: {live}");
        }
        Transcript::of(&mut command(Program::Registry)).done();
        let mut fsck = hermetic(Program::Registry.path(), &world.home());
        Transcript::of(fsck.arg("fsck").arg("--data").arg(&data)).done();
    }
    let mirror = Registry::mirror("http://127.0.0.1:9", &data, &world.home());
    let server = world.server_at("whole", mirror.url());
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_ref(), heads.last());
}
