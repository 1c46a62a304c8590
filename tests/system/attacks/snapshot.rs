//! Old states: what a new server is shown, and what a server is set back to.

use std::path::Path;
use std::process::Command;

use bulla_tests::{Server, World, make_removable, world};

use crate::evil::log::{DoctoredLog, log_key};
use crate::evil::registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A6: without a witness a new server can be kept at any state from its anchor on
#[test]
fn a_new_server_is_shown_no_older_log_than_its_anchor() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let anchor = world.bulla(&["anchor"]).done().last_line().to_owned();
    let at_anchor = DoctoredLog::read(world.registry.data());
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);

    let evil = EvilRegistry::before(world.registry.url());
    let key = log_key(world.registry.data());
    let mut older = at_anchor.clone();
    older.entries.pop();
    evil.show_log(older.sign(world::ORIGIN, &key));
    let server = Server::new(&world.path("servers/web1"), &world.home());
    let enroll = ["enroll", evil.url(), &anchor];
    server
        .run(&enroll)
        .refused("the log is older than the anchor");
    evil.show_log(at_anchor.sign(world::ORIGIN, &key));
    server.run(&enroll).done();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(first));
    evil.repent();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(second));
}

fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    command.arg("-a").arg(from).arg(to);
    assert!(command.status().unwrap().success());
}

/// Puts a directory in the place of another one.
fn put_back(from: &Path, to: &Path) {
    make_removable(to);
    std::fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

/// A26: offline it stays as the snapshot was
#[test]
fn a_server_that_is_set_back_goes_forward_again() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let evil = EvilRegistry::before(world.registry.url());
    let server = world.server_at("web1", evil.url());
    server.install(PROJECT, "prod").done();
    let snapshot = world.path("snapshot");
    std::fs::create_dir(&snapshot).unwrap();
    copy(&server.root, &snapshot.join("srv"));
    copy(&server.state, &snapshot.join("state"));
    let old = DoctoredLog::read(world.registry.data());
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();

    put_back(&snapshot.join("srv"), &server.root);
    put_back(&snapshot.join("state"), &server.state);
    assert_eq!(server.live(PROJECT), Some(first));
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_ref(), Some(&second));

    // Only what it knows of the log is set back, and the registry shows it as old a log.
    put_back(&snapshot.join("state/log"), &server.state.join("log"));
    evil.show_log(old);
    let words = "was installed here, the log only knows 1";
    server.install(PROJECT, "prod").refused(words);
    assert_eq!(server.live(PROJECT).as_ref(), Some(&second));
    evil.repent();
    server.install(PROJECT, "prod").done();
}

/// A32: whoever chooses the digest chooses what the server takes the log to say
#[test]
fn a_new_server_begins_with_the_snapshot_of_the_digest_that_it_was_given_and_no_other() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let anchor = world.bulla(&["anchor"]).done().last_line().to_owned();
    let file = world.path("acme.state");
    let snapshot = ["log", "snapshot", file.to_str().unwrap()];
    let digest = world.bulla(&snapshot).done().last_line().to_owned();
    let taken = std::fs::read(&file).unwrap();
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);

    // The same file with another content, whose own sum is right.
    let later = world.bulla(&snapshot).done().last_line().to_owned();
    let server = Server::new(&world.path("servers/web1"), &world.home());
    let enroll = |digest: &str, anchor: &str| {
        server.run(&[
            "enroll",
            world.registry.url(),
            anchor,
            "--snapshot",
            file.to_str().unwrap(),
            "--snapshot-digest",
            digest,
        ])
    };
    enroll(&digest, &anchor).refused("expected the snapshot sha256:");
    let root = anchor.splitn(3, '+').nth(2).unwrap();
    let other = format!("{}+1+{root}", world::ORIGIN);
    enroll(&later, &other).refused("does not contain the anchor");
    assert!(!server.state.join("log/registry.json").exists());

    // Only what it does not stand for is read.
    let evil = EvilRegistry::before(world.registry.url());
    let mut shown = DoctoredLog::read(world.registry.data());
    let key = log_key(world.registry.data());
    std::fs::write(&file, &taken).unwrap();
    shown.entries[0] = shown.entries[1].clone();
    evil.show_log(shown.sign(world::ORIGIN, &key));
    let begin = ["enroll", evil.url(), &anchor, "--snapshot"];
    let begin = [
        &begin[..],
        &[file.to_str().unwrap(), "--snapshot-digest", &digest],
    ]
    .concat();
    assert_ne!(server.run(&begin).status, Some(0));
    evil.repent();
    enroll(&digest, &anchor).done();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(second));
    assert_ne!(server.live(PROJECT), Some(first));
}
