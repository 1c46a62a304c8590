//! Keys, tokens, hashes and channels that give no right.

use bulla_tests::{Person, Registry, Server, Transcript, World};

const USAGE: i32 = 2;
const FAILED: i32 = 1;

#[test]
fn a_builder_that_the_policy_does_not_know() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let stranger = world.path("stranger.pem");
    world
        .bulla(&["key".as_ref(), "generate".as_ref(), stranger.as_os_str()])
        .done();
    let mut publish = world.bulla_command();
    publish
        .arg("publish")
        .arg(&checkout.path)
        .arg("--key")
        .arg(&stranger);
    Transcript::of(&mut publish).refused("key");
    world.publish(&checkout.path);
}

#[test]
fn a_person_that_the_policy_does_not_know() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.publish(&checkout.path);
    let mallory = Person::with_new_key("mallory", &world.path("people"));
    let mut promote = world.bulla_command();
    promote
        .args([
            "promote",
            &hash,
            "prod",
            "--project",
            "acme/billing",
            "-m",
            "mine",
        ])
        .args(["--yes", "--ssh-key"])
        .arg(&mallory.public_key);
    Transcript::of(&mut promote).refused("key");
    world.promote("acme/billing", &hash, "prod");
}

#[test]
fn a_key_file_that_is_missing_or_no_key() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let nonsense = world.path("nonsense.pem");
    std::fs::write(&nonsense, "not a key\n").unwrap();
    for key in [&nonsense, &world.path("missing.pem")] {
        let mut publish = world.bulla_command();
        publish
            .arg("publish")
            .arg(&checkout.path)
            .arg("--key")
            .arg(key);
        let transcript = Transcript::of(&mut publish);
        assert!(
            matches!(transcript.status, Some(FAILED | USAGE)),
            "{transcript}"
        );
        let name = key.file_name().unwrap().to_str().unwrap();
        assert!(transcript.stderr.contains(name), "{transcript}");
    }
}

#[test]
fn a_key_file_is_never_overwritten() {
    let world = World::new();
    let key = std::fs::read(world.builder_key()).unwrap();
    let path = world.builder_key();
    let transcript = world.bulla(&["key".as_ref(), "generate".as_ref(), path.as_os_str()]);
    assert_ne!(transcript.status, Some(0), "{transcript}");
    assert_eq!(std::fs::read(&path).unwrap(), key);
}

#[test]
fn a_token_that_was_revoked() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let create = ["create", "--scope", "push,pull", "--name", "leaked"];
    let created = world.registry.token(&create).done();
    let token = created.last_line();
    let list = world.registry.token(&["list", "--json"]).done().json();
    let mut listed = list.as_array().unwrap().iter();
    let leaked = listed.find(|token| token["name"] == "leaked").unwrap();
    let id = leaked["id"].as_str().unwrap();
    let publish = |token: &str| {
        Transcript::of(
            world
                .publish_command(&checkout.path)
                .env("BULLA_TOKEN", token),
        )
    };
    publish(token).done();
    world.registry.token(&["revoke", id]).done();
    publish(token).fails(FAILED, "token");
    publish(&world.token).done();
}

#[test]
fn no_token_and_a_token_without_the_right_to_push() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let mut publish = world.publish_command(&checkout.path);
    Transcript::of(publish.env_remove("BULLA_TOKEN")).fails(USAGE, "token");
    let reader = world.registry.create_token("pull", "*");
    let mut publish = world.publish_command(&checkout.path);
    Transcript::of(publish.env("BULLA_TOKEN", reader)).fails(FAILED, "token");
    let elsewhere = world.registry.create_token("push,pull", "other/*");
    let mut publish = world.publish_command(&checkout.path);
    Transcript::of(publish.env("BULLA_TOKEN", elsewhere)).fails(FAILED, "token");
    let hash = world.publish(&checkout.path);
    // Before anybody is asked for anything.
    let mut promote = world.promote_command("acme/billing", &hash, "prod");
    let promote = Transcript::of(promote.env_remove("BULLA_TOKEN"));
    let refused = promote.fails(USAGE, "promoting needs a token");
    assert!(!refused.stderr.contains("files:"), "{refused}");
}

#[test]
fn hashes_that_are_unknown_or_no_hash() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    world.publish(&checkout.path);
    let promote =
        |hash: &str| Transcript::of(&mut world.promote_command("acme/billing", hash, "prod"));
    let unknown = promote("0123456789abcdef");
    assert!(matches!(unknown.status, Some(FAILED..=3)), "{unknown}");
    assert!(unknown.stderr.contains("0123456789abcdef"), "{unknown}");
    let short = promote("0123").fails(FAILED, "no release 0123");
    assert!(short.stderr.contains("8 or more"), "{short}");
    promote("HEAD").fails(FAILED, "no release HEAD");
    promote("sha256:0123").fails(USAGE, "sha256:0123");
}

#[test]
fn a_channel_that_there_is_not_leads_to_nothing_wherever_it_is_named() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.publish(&checkout.path);
    let mut promote = world.promote_command("acme/billing", &hash, "staging");
    let told = "hint: channels: dev, prod";
    let unknown = Transcript::of(&mut promote).fails(FAILED, "staging");
    assert!(unknown.stderr.contains(told), "{unknown}");
    // Nor is there anything to look at.
    Transcript::of(promote.arg("--dry-run")).fails(FAILED, "staging");
    let rollback = |how: &[&str]| {
        let mut rollback = world.bulla_command();
        rollback.args(["rollback", "staging", "--project", "acme/billing"]);
        Transcript::of(rollback.args(how))
    };
    for how in [&["-m", "back", "--dry-run"][..], &["--list"]] {
        let unknown = rollback(how).fails(FAILED, "has no channel `staging`");
        assert!(unknown.stderr.contains(told), "{unknown}");
    }
}

#[test]
fn a_registry_without_a_policy_is_not_one_whose_anchor_is_missing() {
    let world = World::new();
    let empty = Registry::serve(&world.path("empty"), &world.home());
    let token = empty.create_token("push,pull", "*");
    for command in ["status", "anchor", "releases"] {
        let mut bulla = world.bulla_command();
        bulla
            .args([command, "--project", "acme/billing"])
            .env("BULLA_REGISTRY", empty.url())
            .env("BULLA_TOKEN", &token)
            .env_remove("BULLA_ANCHOR");
        let told = Transcript::of(&mut bulla).fails(FAILED, "the log has no policy yet");
        assert!(told.stderr.contains("hint: `bulla init`"), "{told}");
    }
}

#[test]
fn names_that_nothing_has_do_not_look_like_an_empty_history() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    let history = |project: &str, channel: &str| {
        world.bulla(&["history", channel, "--project", project, "--json"])
    };
    let refused = history("acme/billing", "prd").fails(FAILED, "no channel `prd`");
    assert!(refused.stderr.contains("channels: dev, prod"), "{refused}");
    let known = "--project: acme/billing";
    for command in ["releases", "status", "history"] {
        let unknown = world.bulla(&[command, "--project", "acme/biling", "--json"]);
        let unknown = unknown.fails(FAILED, "no project acme/biling");
        assert!(unknown.stderr.contains(known), "{unknown}");
        assert_eq!(unknown.stdout, "", "{unknown}");
    }
    for (project, sentence) in [
        (&[][..], "no project has a channel `nope`"),
        (
            &["--project", "acme/billing"],
            "acme/billing has no channel `nope`",
        ),
    ] {
        let status = world.bulla(&[&["status", "nope"][..], project].concat());
        let status = status.fails(FAILED, sentence);
        assert!(status.stderr.contains("channels: dev, prod"), "{status}");
    }
    // A channel of the policy that nothing was promoted to is no mistake.
    assert_eq!(history("acme/billing", "dev").done().stdout, "[]\n");
    let status = world.bulla(&["status", "dev", "--json"]).done();
    assert_eq!(status.stdout, "[]\n");
}

#[test]
fn a_release_of_another_project_cannot_be_promoted_here() {
    let world = World::new();
    let billing = world.git("acme/billing");
    let shop = world.git("shop");
    world.publish(&shop.path);
    let hash = world.publish(&billing.path);
    let promote = Transcript::of(&mut world.promote_command("shop", &hash, "prod"));
    promote.fails(FAILED, "give --project acme/billing");
}

#[test]
fn a_rollback_of_a_channel_that_was_never_moved() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    world.publish(&checkout.path);
    let mut rollback = world.bulla_command();
    rollback
        .args([
            "rollback",
            "prod",
            "--project",
            "acme/billing",
            "-m",
            "back",
            "--yes",
            "--ssh-key",
        ])
        .arg(&world.alice.public_key);
    let transcript = Transcript::of(&mut rollback);
    assert!(
        matches!(transcript.status, Some(FAILED..=3)),
        "{transcript}"
    );
    assert!(transcript.stderr.contains("prod"), "{transcript}");
}

#[test]
fn a_server_that_was_never_enrolled() {
    let world = World::new();
    let server = Server::new(&world.path("servers/web1"), &world.home());
    let transcript = server.install("acme/billing", "prod");
    assert!(
        matches!(transcript.status, Some(FAILED | USAGE)),
        "{transcript}"
    );
    assert!(transcript.stderr.contains("enroll"), "{transcript}");
}

#[test]
fn a_channel_that_points_nowhere() {
    let world = World::new();
    let server = world.server("web1");
    let transcript = server.install("acme/billing", "prod");
    assert!(
        matches!(transcript.status, Some(FAILED..=3)),
        "{transcript}"
    );
    assert!(transcript.stderr.contains("acme/billing"), "{transcript}");
    let checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    server.install("acme/billing", "prod").done();
}

#[test]
fn a_hash_that_the_channel_does_not_point_to() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    checkout.commit_change("two");
    let never = world.publish(&checkout.path);
    let server = world.server("web1");
    server
        .run(&["install", "acme/billing", "--channel", "prod", &never])
        .refused("prod");
    assert_eq!(server.live("acme/billing"), None);
}

#[test]
fn words_that_are_no_command() {
    let world = World::new();
    assert_eq!(world.bulla(&["deploy"]).status, Some(USAGE));
    assert_eq!(world.bulla(&["promote"]).status, Some(USAGE));
    let server = Server::new(&world.path("servers/web1"), &world.home());
    assert_eq!(server.run(&["deploy"]).status, Some(USAGE));
    assert_eq!(
        server.run(&["install", "Acme", "--channel", "prod"]).status,
        Some(USAGE)
    );
    assert_eq!(world.registry.token(&["destroy"]).status, Some(USAGE));
}
