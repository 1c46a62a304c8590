//! People stop a release: a channel is paused and goes on, a release is revoked and nothing takes it
//! any more.

use bulla_tests::{Transcript, World};

const PROJECT: &str = "acme/billing";

/// Runs a command that signs as alice.
fn signed(world: &World, arguments: &[&str]) -> Transcript {
    let mut command = world.bulla_command();
    command
        .args(arguments)
        .args(["--project", PROJECT, "--yes"]);
    command.arg("--ssh-key").arg(&world.alice.public_key);
    Transcript::of(&mut command)
}

#[test]
fn no_server_takes_the_head_of_a_paused_channel_until_it_goes_on() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);

    let dry = ["pause", "prod", "--project", PROJECT, "--dry-run"];
    assert!(
        world
            .bulla(&dry)
            .done()
            .stderr
            .contains("nothing was signed")
    );
    let paused = signed(&world, &["pause", "prod", "-m", "migration"]).done();
    assert_eq!(paused.last_line(), second);
    assert!(paused.stderr.contains("paused at"), "{paused}");
    // Once more: nothing is signed.
    let again = signed(&world, &["pause", "prod", "-m", "migration"]).done();
    assert!(again.stderr.contains("is paused already"), "{again}");
    let status = world.bulla(&["status"]).done();
    assert!(status.stdout.contains("(paused)"), "{status}");
    server.install(PROJECT, "prod").refused("paused");
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));

    // What else ends the pause says whose it is; how the head reaches servers was signed before.
    let back = ["rollback", "prod", "--project", PROJECT, "--dry-run"];
    let back = world.bulla(&back).done();
    assert!(back.stderr.contains("is paused by alice"), "{back}");
    let urgent = ["promote", &second, "prod", "-m", "now", "--urgent"];
    signed(&world, &urgent).refused("was signed with that");
    let resumed = signed(&world, &["resume", "prod", "-m", "migrated"]).done();
    assert!(resumed.stderr.contains("goes on with"), "{resumed}");
    let again = signed(&world, &["resume", "prod", "-m", "migrated"]).done();
    assert!(again.stderr.contains("is not paused"), "{again}");
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*second));
    let history = world.bulla(&["history", "--project", PROJECT]).done();
    assert!(history.stdout.contains("went on"), "{history}");
}

#[test]
fn what_is_revoked_is_taken_by_no_server_and_stays_where_it_is_live() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    let (has_it, has_not) = (world.server("web1"), world.server("web2"));
    has_it.install(PROJECT, "prod").done();
    let report = format!(
        r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
            "system":"Debian GNU/Linux 13","logSize":3,"projects":[{{"project":"{PROJECT}",
            "channel":"prod","live":"{second}","standing":"up-to-date"}}]}}"#
    );
    world.registry.report("web1", &report);

    let dry = ["revoke", "prod", "--project", PROJECT, "--dry-run"];
    let dry = world.bulla(&dry).done();
    assert!(dry.stderr.contains("head of prod"), "{dry}");
    assert!(dry.stderr.contains("live on web1"), "{dry}");
    has_not.install(PROJECT, "prod").done();

    let revoked = signed(&world, &["revoke", &second, "-m", "sends invoices twice"]).done();
    assert_eq!(revoked.last_line(), second);
    assert!(
        revoked.stderr.contains("`prod` still points to"),
        "{revoked}"
    );
    let again = signed(&world, &["revoke", &second, "-m", "sends invoices twice"]).done();
    assert!(again.stderr.contains("revoked already"), "{again}");

    let new = world.server("web3");
    new.install(PROJECT, "prod").refused("sends invoices twice");
    assert_eq!(has_it.live(PROJECT).as_deref(), Some(&*second));
    let shown = world.bulla(&["show", &second]).done().stdout;
    assert!(
        shown.contains("must not be activated, by alice,"),
        "{shown}"
    );
    assert!(shown.contains(": sends invoices twice"), "{shown}");
    let places = world.bulla(&["where", PROJECT]).done();
    assert!(places.stdout.contains("revoked"), "{places}");
    let promote = ["promote", &second, "dev", "-m", "try", "--drop"];
    signed(&world, &promote).refused("was revoked");
    // The way out that was named.
    signed(&world, &["rollback", "prod", "-m", "invoices"]).done();
    new.install(PROJECT, "prod").done();
    assert_eq!(new.live(PROJECT).as_deref(), Some(&*first));
}

#[test]
fn servers_take_what_people_only_warn_of_and_say_so() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.release(&checkout.path, PROJECT);
    let warn = ["revoke", &hash, "--warn", "-m", "slow on old disks"];
    signed(&world, &warn).done();
    let installed = world.server("web1").install(PROJECT, "prod").done();
    assert!(
        installed.stderr.contains("slow on old disks"),
        "{installed}"
    );
    let status = world.server("web3");
    status.install(PROJECT, "prod").done();
    let status = status.run(&["status", PROJECT, "--json"]).done().json();
    assert_eq!(status[0]["standing"], "up-to-date", "{status}");
    // A warning does not say that it must not be taken.
    let block = signed(&world, &["revoke", &hash, "-m", "loses data"]).done();
    assert!(!block.stderr.contains("already"), "{block}");
    world
        .server("web2")
        .install(PROJECT, "prod")
        .refused("loses data");
}

#[test]
fn one_revocation_is_about_one_project_and_by_somebody_who_may() {
    let world = World::new();
    let one = world.release(&world.git(PROJECT).path, PROJECT);
    let other = world.publish(&world.git("acme/shop").path);
    let mut both = world.bulla_command();
    both.args(["revoke", &one, &other, "-m", "no", "--yes", "--ssh-key"]);
    both.arg(&world.alice.public_key);
    Transcript::of(&mut both).fails(2, "a release of acme/shop");

    let mallory = bulla_tests::Person::with_new_key("mallory", &world.path("strangers"));
    let mut revoke = world.bulla_command();
    revoke.args(["revoke", &one, "-m", "no", "--yes", "--ssh-key"]);
    revoke.arg(&mallory.public_key);
    Transcript::of(&mut revoke).refused("does not name the key");
}
