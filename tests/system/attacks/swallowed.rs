//! A registry that says yes and appends nothing.

use bulla_tests::{Person, Transcript, World};

use crate::evil::registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A27: it can refuse service. A machine that remembers no log and is given no anchor, such as a CI machine,
/// takes its word for a release; who wants to promote that finds it missing
#[test]
fn whoever_signed_what_a_registry_swallows_is_told() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    let evil = EvilRegistry::before(world.registry.url());
    evil.swallow(99);
    let run = |arguments: &[&str]| {
        let mut command = world.bulla_command();
        command.args(arguments).current_dir(&checkout.path);
        Transcript::of(command.env("BULLA_REGISTRY", evil.url()))
    };
    let sign = |arguments: &[&str]| {
        let key = world.alice.public_key.to_str().unwrap();
        run(&[arguments, &["--yes", "--ssh-key", key]].concat())
    };
    let promotion = ["promote", &second, "prod", "-m", "two"];
    sign(&promotion).fails(4, "took the promotion, but its log does not show it yet");
    sign(&["revoke", &first, "-m", "wrong"])
        .fails(4, "took the revocation, but its log does not show it yet");
    let carol = Person::with_new_key("carol", &world.path("people"));
    sign(&["person", "add", "carol", carol.public_key.to_str().unwrap()])
        .fails(4, "took the policy, but its log does not show it yet");

    checkout.commit_change("three");
    let key = world.builder_key();
    let publish = ["publish", "--key", key.to_str().unwrap()];
    let run = |memory: &str| {
        let mut command = world.bulla_command();
        command.args(publish).current_dir(&checkout.path);
        command.env("XDG_STATE_HOME", world.path(memory));
        command.env_remove("BULLA_ANCHOR");
        Transcript::of(command.env("BULLA_REGISTRY", evil.url()))
    };
    let believed = run("ci").done().last_line().to_owned();
    let promotion = ["promote", &believed, "prod", "-m", "three"];
    let mut command = world.bulla_command();
    command.args(promotion).current_dir(&checkout.path);
    command
        .args(["--yes", "--ssh-key"])
        .arg(&world.alice.public_key);
    let missed = Transcript::of(&mut command);
    assert_ne!(missed.status, Some(0), "{missed}");
    // The memory of the commands above.
    let remembered = world.home().join(".local/state");
    let told = run(remembered.to_str().unwrap());
    told.fails(4, "took the release, but its log does not show it yet");
    // Where it is to be verified, it is, and an entry that was shown before is no new one.
    for (memory, trusting) in [("anchored", None), ("trusting", Some("--trust-first-use"))] {
        let mut command = world.bulla_command();
        command.args(publish).args(trusting);
        command.current_dir(&checkout.path);
        command.env("XDG_STATE_HOME", world.path(memory));
        if trusting.is_some() {
            command.env_remove("BULLA_ANCHOR");
        }
        Transcript::of(command.env("BULLA_REGISTRY", evil.url()))
            .fails(4, "took the release, but its log does not show it yet");
    }
    evil.swallow(1);
    run("ci").fails(3, "says that the release is entry 1 of its log, which had");
    evil.repent();
    assert_eq!(
        run(remembered.to_str().unwrap()).done().last_line(),
        believed
    );
    Transcript::of(&mut command).done();
}
