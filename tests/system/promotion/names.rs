//! Releases that are promoted by another name than their hash, and rollbacks that name none.

use bulla_tests::{Transcript, World};

use super::{PROJECT, promote, publish, short};

#[test]
fn a_channel_a_revision_and_a_label_name_the_release_to_promote() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.publish(&checkout.path);
    world.promote(PROJECT, &first, "dev");
    checkout.commit_change("two");
    checkout.git(&["tag", "v2"]);
    let second = world.publish(&checkout.path);
    checkout.commit_change("three");
    let third = world.publish(&checkout.path);
    let revision = checkout.git(&["rev-parse", "--short", "HEAD"]);
    for (name, hash) in [
        ("dev", &first),
        ("v2", &second),
        (revision.last_line(), &third),
    ] {
        let promoted = promote(&world, &world.alice, &checkout.path, name, "next", &[]).done();
        assert_eq!(promoted.stdout.trim_end(), hash, "{promoted}");
    }
    let unknown = promote(&world, &world.alice, &checkout.path, "v3", "next", &[]);
    let unknown = unknown.fails(1, "no release v3");
    assert!(
        unknown.stderr.contains("channels in use: dev, prod"),
        "{unknown}"
    );
}

#[test]
fn a_rollback_goes_past_what_was_rolled_back_and_asks_like_a_promotion() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut hashes = vec![world.release(&checkout.path, PROJECT)];
    for line in ["two", "three"] {
        checkout.commit_change(line);
        let hash = publish(&world, &checkout.path, "main");
        world.promote(PROJECT, &hash, "prod");
        hashes.push(hash);
    }
    let key = world.alice.public_key.to_str().unwrap();
    let rollback = |more: &[&str]| {
        let mut command = world.bulla_command();
        command.args(["rollback", "prod", "--project", PROJECT]);
        command.args(more);
        command
    };
    let signed = ["-m", "wrong", "--ssh-key", key];
    // Nothing is done without a reason, or for a look.
    Transcript::of(&mut rollback(&["--ssh-key", key])).fails(2, "needs a reason");
    let look = Transcript::of(&mut rollback(&["--dry-run"])).done();
    assert!(look.stderr.contains("takes out"), "{look}");
    assert_eq!(look.stdout, "", "{look}");
    let no = bulla_tests::on_terminal(&rollback(&signed), 80, "n\n");
    assert!(no.stdout.contains("Roll back? [y/N]"), "{no}");
    assert_eq!(no.status, Some(1), "{no}");
    let live = |world: &World| {
        let status = world.bulla(&["status", "--json"]).done().json();
        status[0]["channels"][0]["hash"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(live(&world), hashes[2]);

    // Where nobody can be asked, nobody has said yes.
    Transcript::of(&mut rollback(&signed)).fails(2, "no terminal to ask on");
    assert_eq!(live(&world), hashes[2]);

    let answered = [&signed[..], &["--yes"]].concat();
    let yes = bulla_tests::on_terminal(&rollback(&answered), 80, "");
    assert_eq!(yes.status, Some(0), "{yes}");
    assert_eq!(live(&world), hashes[1]);
    // What was rolled back is live no longer, so this takes out one release only.
    let back = Transcript::of(&mut rollback(&answered)).done();
    assert!(back.stderr.contains(short(&hashes[1])), "{back}");
    assert!(!back.stderr.contains(short(&hashes[2])), "{back}");
    assert_eq!(live(&world), hashes[0]);
    let end = Transcript::of(&mut rollback(&answered)).refused("rolled back or revoked");
    assert!(end.stderr.contains("--list"), "{end}");
}
