//! A mirror beside its registry: servers install from it when the registry is gone, and people are
//! told what it is.

use std::thread::sleep;
use std::time::Duration;

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::{ChaosProxy, Fault, Registry, Transcript, Tree, World};

const PROJECT: &str = "acme/billing";

#[test]
fn a_server_installs_from_a_mirror_when_the_registry_is_gone() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let data = world.path("mirror");
    let url = world.registry.url().to_owned();
    let mut once = hermetic(Program::Registry.path(), &world.home());
    once.args(["mirror", &url, "--once", "--json", "--anchor"]);
    once.arg(&world.anchor).arg("--data").arg(&data);
    let report = Transcript::of(&mut once).done().json();
    assert_eq!(report["origin"], format!("{url}/"));
    let mirror = Registry::mirror(&url, &data, &world.home());

    // A server that knows both, and one that knows only the mirror.
    let (both, host_file) = world.follower("both", PROJECT);
    let mut text = std::fs::read_to_string(&host_file).unwrap();
    text = format!("{text}\n[[registry]]\nurl = \"{}\"\n", mirror.url());
    std::fs::write(&host_file, text).unwrap();
    let config = ["--config", host_file.to_str().unwrap()];
    both.run(&[&["install"][..], &config[..]].concat()).done();
    assert_eq!(both.live(PROJECT).as_ref(), Some(&first));

    checkout.write("page.txt", "the second\n");
    checkout.commit("Second");
    let second = world.release(&checkout.path, PROJECT);
    // The mirror follows by itself.
    let at_mirror = ["--registry", mirror.url()];
    let token = mirror.create_token("pull,push", "*");
    let ask = |world: &World, question: &[&str]| {
        let mut command = world.bulla_command();
        command.args(question).args(at_mirror);
        Transcript::of(command.env("BULLA_TOKEN", &token)).done()
    };
    let history = ["history", "--project", PROJECT, "--json"];
    while !ask(&world, &history).stdout.contains(&second) {
        sleep(Duration::from_millis(50));
    }
    let doctor = ask(
        &world,
        &[
            "doctor",
            checkout.path.to_str().unwrap(),
            "--ssh-key",
            world.alice.public_key.to_str().unwrap(),
        ],
    );
    let note = format!("this is a mirror of {url}/, and had all of it at ");
    assert!(doctor.stdout.contains(&note), "{doctor}");
    world.registry.stop();
    both.run(&[&["install"][..], &config[..]].concat()).done();
    assert_eq!(both.live(PROJECT).as_ref(), Some(&second));
    let new = world.server_at("new", mirror.url());
    new.install(PROJECT, "prod").done();
    assert_eq!(
        new.live_tree(PROJECT),
        Tree::read(&checkout.path).without(".git")
    );

    // People read from it, and are told where to push.
    let history = ask(&world, &["history", "--project", PROJECT]);
    assert!(history.stdout.contains("prod"), "{history}");
    let said = ask(&world, &["where", PROJECT]);
    let note = format!("this registry is a mirror: servers report to {url}/");
    assert!(said.stderr.contains(&note), "{said}");
    checkout.write("page.txt", "the third\n");
    checkout.commit("Third");
    let mut publish = world.publish_command(&checkout.path);
    publish.args(at_mirror).env("BULLA_TOKEN", &token);
    let refused = Transcript::of(&mut publish);
    assert!(refused.stderr.contains(&url), "{refused}");
    assert_ne!(refused.status, Some(0), "{refused}");
}

#[test]
fn a_mirror_takes_everything_over_a_slow_line_and_goes_on_where_one_broke_off() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let noise: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(640_000)
        .collect();
    checkout.write("noise.txt", &noise);
    checkout.commit("Noise");
    let hash = world.release(&checkout.path, PROJECT);
    let line = ChaosProxy::before(world.registry.address());
    let data = world.path("mirror");
    let once = || {
        let mut once = hermetic(Program::Registry.path(), &world.home());
        once.args(["mirror", &line.url(), "--once", "--json", "--anchor"]);
        Transcript::of(once.arg(&world.anchor).arg("--data").arg(&data))
    };
    // No connection carries as much as the payload has.
    line.set(Fault::Truncate { after: 100_000 });
    let broken = once();
    assert_eq!(broken.status, Some(4), "{broken}");
    assert!(broken.stderr.contains("hint: "), "{broken}");
    line.set(Fault::Delay(Duration::from_millis(30)));
    let report = once().done().json();
    assert!(report.get("missing").is_none(), "{report}");
    let mirror = Registry::mirror(&line.url(), &data, &world.home());
    let path = format!("/v2/{PROJECT}/manifests/{hash}");
    let token = mirror.create_token("pull", "*");
    assert_eq!(mirror.get(&path, &token).0, 200);
    mirror.keep(&["fsck"]).done();
}
