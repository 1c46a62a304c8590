//! The policy changes: people, keys, builders and channels come and go, and servers go by what is in
//! effect.

use std::path::PathBuf;

use bulla_tests::{Person, Transcript, World};

const PROJECT: &str = "acme/billing";

/// Shows the policy, however its lines are broken.
fn show(world: &World) -> String {
    let shown = world.bulla(&["policy", "show"]).done().stdout;
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes a builder's key, and returns the files of both halves.
fn builder_key(world: &World, name: &str) -> (PathBuf, String) {
    let key = world.path(name);
    world
        .bulla(&["key", "generate", &key.to_string_lossy()])
        .done();
    let public = format!("{}.pub", key.display());
    (key, public)
}

fn publish(world: &World, path: &std::path::Path, key: &std::path::Path) -> Transcript {
    let mut publish = world.bulla_command();
    publish.arg("publish").arg(path).arg("--key").arg(key);
    Transcript::of(&mut publish)
}

#[test]
fn a_new_colleague_promotes_and_is_taken_out_again() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let carol = Person::with_new_key("carol", &world.path("people"));
    let key = carol.public_key.to_str().unwrap();
    checkout.commit_change("by carol");
    let hash = world.publish(&checkout.path);
    let path = checkout.path.to_str().unwrap().to_owned();
    let promote = |channel: &str, message: &str| {
        let promote = [
            "promote",
            &hash,
            channel,
            "--project",
            PROJECT,
            "-m",
            message,
        ];
        world.signed(&carol, &[&promote[..], &["--checkout", &path]].concat())
    };
    promote("prod", "too early").refused("does not name the key");

    let add = ["person", "add", "carol", key];
    let dry = world.bulla(&[&add[..], &["--dry-run"]].concat()).done();
    assert!(dry.stderr.contains("+ carol signs with SHA256:"), "{dry}");
    assert!(!show(&world).contains("carol"));
    let added = world.signed(&world.alice, &add).done();
    assert!(added.stderr.contains("policy 2 is in effect"), "{added}");
    assert!(show(&world).contains("moving `prod` of every project needs 1 of alice, carol"));
    promote("prod", "now").done();
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*hash));

    // Only who is of the root changes the policy, and somebody always is.
    let mallory = Person::with_new_key("mallory", &world.path("people"));
    let mallory_key = mallory.public_key.to_str().unwrap();
    let add = ["person", "add", "mallory", mallory_key];
    world
        .signed(&carol, &add)
        .refused("`carol` may not change the policy");
    world
        .signed(&world.alice, &["person", "remove", "alice"])
        .refused("needs 1 signers");
    world
        .signed(&world.alice, &["person", "remove", "carol"])
        .done();
    promote("dev", "too late").refused("does not name the key");
    // Nobody else gets her name, and she gets it again with her key.
    let another = ["person", "add", "carol", mallory_key];
    world
        .signed(&world.alice, &another)
        .refused("`carol` was in the policy before");
    let again = ["person", "add", "carol", key, "--root"];
    world.signed(&world.alice, &again).done();
    world
        .signed(&carol, &["person", "remove", "carol"])
        .refused("cannot sign it");
    world
        .signed(&world.alice, &["person", "remove", "carol"])
        .done();
    // What she promoted stays.
    world.server("web2").install(PROJECT, "prod").done();
}

#[test]
fn a_builder_releases_what_it_is_bound_to_with_the_key_that_it_has_now() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let (key, public) = builder_key(&world, "second.pem");
    publish(&world, &checkout.path, &key).refused("names no builder with the key");
    let add = ["builder", "add", "second", &public];
    let wrong = [&add[..], &["--source", "https://git.example/*"]].concat();
    world
        .signed(&world.alice, &wrong)
        .fails(2, "`git+https://git.example/*`?");
    let add = [&add[..], &["--of", "acme/billing*"]].concat();
    world.signed(&world.alice, &add).done();
    publish(&world, &checkout.path, &key).done();
    let shop = world.git("acme/shop");
    publish(&world, &shop.path, &key).refused("acme/shop");

    let (new, new_public) = builder_key(&world, "new.pem");
    world
        .signed(&world.alice, &["key", "rotate", "second", &new_public])
        .done();
    checkout.commit_change("two");
    publish(&world, &checkout.path, &key).refused("names no builder with the key");
    publish(&world, &checkout.path, &new).done();
    world
        .signed(&world.alice, &["builder", "remove", "second"])
        .done();
    checkout.commit_change("three");
    publish(&world, &checkout.path, &new).refused("names no builder with the key");
}

/// A17: a key that is out of the policy counts no more.
#[test]
fn a_lost_key_is_rotated_and_counts_no_more() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.publish(&checkout.path);
    let token = Person::with_new_key("token", &world.path("people"));
    let rotate = ["key", "rotate", "alice", token.public_key.to_str().unwrap()];
    world.signed(&world.alice, &rotate).done();
    let path = checkout.path.to_str().unwrap();
    let promote = ["promote", &hash, "prod", "--project", PROJECT, "-m", "go"];
    let promote = [&promote[..], &["--checkout", path]].concat();
    world
        .signed(&world.alice, &promote)
        .refused("does not name the key");
    world.signed(&token, &promote).done();
    // The first key again, as a second one.
    let first = world.alice.public_key.to_str().unwrap();
    world.signed(&token, &["key", "add", "alice", first]).done();
    let several = Person::with_new_key("several", &world.path("people"));
    let rotate = [
        "key",
        "rotate",
        "alice",
        several.public_key.to_str().unwrap(),
    ];
    world.signed(&token, &rotate).refused("2 keys");
    let rotate = [&rotate[..], &["--from", first]].concat();
    world.signed(&token, &rotate).done();
    world
        .signed(&world.alice, &["channel", "add", "demo"])
        .refused("does not name the key");
}

#[test]
fn a_channel_of_one_project_has_a_rule_of_its_own() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.publish(&checkout.path);
    let path = checkout.path.to_str().unwrap().to_owned();
    world
        .signed(&world.alice, &["channel", "add", "staging"])
        .done();
    let add = |via: &str| {
        let rule = ["channel", "add", "prod", "--of", PROJECT, "--via", via];
        world.signed(&world.alice, &rule)
    };
    add("nowhere").refused("nobody could move `prod`");
    add("prod").refused("nobody could move `prod`");
    add("staging").done();
    assert!(show(&world).contains("the release was on `staging` before"));
    let promote = |channel: &str| {
        let promote = ["promote", &hash, channel, "--project", PROJECT, "-m", "go"];
        world.signed(
            &world.alice,
            &[&promote[..], &["--checkout", &path]].concat(),
        )
    };
    let staging = ["channel", "remove", "staging"];
    world
        .signed(&world.alice, &staging)
        .refused("nobody could move `prod`");
    promote("prod").refused("staging");
    promote("staging").done();
    promote("prod").done();
    let remove = ["channel", "remove", "prod", "--of", PROJECT];
    world.signed(&world.alice, &remove).done();
    world
        .signed(&world.alice, &remove)
        .fails(1, "no rule for exactly");
}
