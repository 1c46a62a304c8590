//! A registry is lost, with the key of its log: what others kept makes it again, and servers and colleagues
//! go on by themselves.

use std::fs;
use std::time::Duration;

use bulla_tests::programs::{Program, hermetic};
use bulla_tests::{Person, Registry, Transcript, Tree, World};

const PROJECT: &str = "acme/billing";

/// Makes the next key, and returns the line by which the policy names it.
fn next_key(registry: &Registry) -> String {
    let made = registry.keep(&["log-key", "--next"]).done();
    made.last_line().to_owned()
}

/// Makes an empty data directory in the place of one that is lost, with a token.
fn lose_machine(world: &mut World) {
    world.registry.stop();
    fs::rename(world.registry.data(), world.path("lost")).unwrap();
    let create = ["create", "--init", "--scope", "push,pull"];
    let created = world.registry.token(&create).done();
    created.last_line().clone_into(&mut world.token);
}

#[test]
fn a_registry_whose_machine_is_gone_goes_on_from_what_a_laptop_kept_with_another_log_key() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    world.bulla(&["log", "fetch", "kept-log"]).done();
    world.bulla(&["export", &first, "-o", "kept.bulla"]).done();
    let kept = world.path("kept-log");
    let kept = kept.to_str().unwrap();

    lose_machine(&mut world);
    let import = world.registry.keep(&["import-log", kept]);
    import.refused("nothing else tells whether the copy is of this log");
    let anchor = world.anchor.clone();
    let import = ["import-log", kept, "--anchor", &anchor];
    world.registry.keep(&import).done();
    let serve = world.registry.keep(&["serve"]);
    let serve = serve.refused("has lost the key of its log");
    let next = "`bulla-registry log-key --next`";
    assert!(serve.stderr.contains(next), "{serve}");
    let line = next_key(&world.registry);
    assert_eq!(next_key(&world.registry), line);
    world.registry.keep(&["reindex"]).done();
    let found = world.registry.keep(&["fsck", "--json"]);
    assert_eq!(found.status, Some(1), "{found}");
    let damages = &found.json()["damages"];
    assert_eq!(damages.as_array().unwrap().len(), 2, "{damages}");
    assert_eq!(damages[0]["kind"], "log");
    assert_eq!(damages[1]["kind"], "release");
    assert_eq!(damages[1]["releases"][0]["hash"], first.as_str());

    world.registry.start_again();
    // It is read as before, and content comes.
    world.bulla(&["import", "kept.bulla"]).done();
    server.install(PROJECT, "prod").done();
    checkout.commit_change("Before the key is named");
    let publish = Transcript::of(&mut world.publish_command(&checkout.path));
    assert_ne!(publish.status, Some(0), "{publish}");
    let sentence = "appends nothing before a policy names the next one";
    assert!(publish.stderr.contains(sentence), "{publish}");
    // Any other policy is told the same, and what to do.
    let bob = Person::with_new_key("bob", &world.path("people"));
    let add = ["person", "add", "bob", bob.public_key.to_str().unwrap()];
    let added = world.signed(&world.alice, &add).fails(3, sentence);
    let hint = "hint: `bulla log-key rotate KEY` names it";
    assert!(added.stderr.contains(hint), "{added}");
    let rotated = world
        .signed(&world.alice, &["log-key", "rotate", &line])
        .done();
    assert!(
        rotated.stderr.contains("policy 2 is in effect"),
        "{rotated}"
    );
    // Whoever did not hear of it asks again.
    let again = world
        .signed(&world.alice, &["log-key", "rotate", &line])
        .done();
    assert!(again.stderr.contains("policy 2 says so already"), "{again}");

    // Nobody needs another anchor: neither a server or colleague who knew the log, nor a new one.
    let second = world.release(&checkout.path, PROJECT);
    let tree = Tree::read(&checkout.path).without(".git");
    for server in [server, world.server("web2")] {
        server.install(PROJECT, "prod").done();
        assert_eq!(server.live(PROJECT).as_ref(), Some(&second));
        assert_eq!(server.live_tree(PROJECT), tree);
    }
    assert!(!world.registry.data().join("log-key-next.pem").exists());
    world.registry.stop();
    world.registry.start_again();
    world.registry.keep(&["fsck"]).done();
}

#[test]
fn two_of_the_root_name_another_key_where_the_logs_is_lost() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    let bob = Person::with_new_key("bob", &world.path("people"));
    let key = bob.public_key.to_str().unwrap();
    let add = ["person", "add", "bob", key, "--root"];
    world.signed(&world.alice, &add).done();
    world
        .signed(&world.alice, &["policy", "threshold", "2"])
        .done();
    let approve = |world: &World| {
        let id = world.pending().remove(0);
        world.signed(&bob, &["approve", &id]).done()
    };
    approve(&world);
    world.registry.stop();
    fs::remove_file(world.registry.data().join("log-key.pem")).unwrap();
    let line = next_key(&world.registry);
    world.registry.start_again();
    let proposed = world
        .signed(&world.alice, &["log-key", "rotate", &line])
        .done();
    assert!(proposed.stderr.contains("1 of 2 signed"), "{proposed}");
    // It may be restarted meanwhile.
    world.registry.stop();
    world.registry.start_again();
    approve(&world);
    checkout.commit_change("With the next key");
    let hash = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(hash));
    world.registry.keep(&["fsck"]).done();
}

#[test]
fn a_mirror_takes_the_place_of_its_origin_without_the_logs_key() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    let data = world.path("mirror");
    let mut once = hermetic(Program::Registry.path(), &world.home());
    once.args(["mirror", world.registry.url(), "--once", "--anchor"]);
    Transcript::of(once.arg(&world.anchor).arg("--data").arg(&data)).done();
    lose_machine(&mut world);
    fs::remove_dir_all(world.registry.data()).unwrap();
    fs::rename(&data, world.registry.data()).unwrap();
    let refused = world.registry.keep(&["log-key", "--next"]);
    let refused = refused.refused("is a mirror of");
    assert!(refused.stderr.contains("remove `mirror.json`"), "{refused}");
    fs::remove_file(world.registry.data().join("mirror.json")).unwrap();
    let line = next_key(&world.registry);
    world.registry.start_again();
    world.token = world.registry.create_token("push,pull", "*");
    world
        .signed(&world.alice, &["log-key", "rotate", &line])
        .done();
    checkout.commit_change("From the mirror");
    let hash = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(hash));
}

// R23: what was removed on purpose is not missed where the log is brought back without it.
#[test]
fn gc_lets_go_of_what_its_rules_would_not_keep_and_fsck_names_the_rest() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let never_promoted = world.publish(&checkout.path);
    checkout.commit_change("Second");
    let promoted = world.release(&checkout.path, PROJECT);
    world.bulla(&["log", "fetch", "kept-log"]).done();
    let key = fs::read(world.registry.data().join("log-key.pem")).unwrap();
    lose_machine(&mut world);
    fs::write(world.registry.data().join("log-key.pem"), key).unwrap();
    let kept = world.path("kept-log");
    let import = ["import-log", kept.to_str().unwrap()];
    world.registry.keep(&import).done();
    let missed = |world: &World| {
        let found = world.registry.keep(&["fsck", "--json"]);
        assert_eq!(found.status, Some(1), "{found}");
        let damages = found.json()["damages"].as_array().unwrap().clone();
        let hash = |damage: &serde_json::Value| {
            let hash = damage["releases"][0]["hash"].as_str();
            hash.unwrap().to_owned()
        };
        damages.iter().map(hash).collect::<Vec<_>>()
    };
    assert_eq!(missed(&world), [never_promoted, promoted.clone()]);
    let gc = ["gc", "--grace", "1s", "--keep-unpromoted", "1s"];
    world
        .registry
        .keep(&[&gc[..], &["--dry-run"]].concat())
        .done();
    assert_eq!(missed(&world).len(), 2);
    let is_let_go = (0..60).any(|_| {
        world.registry.keep(&gc).done();
        std::thread::sleep(Duration::from_millis(500));
        missed(&world) == [promoted.clone()]
    });
    assert!(is_let_go);
    world.registry.start_again();
    world.publish(&checkout.path);
    world.registry.keep(&["fsck"]).done();
}

#[test]
fn a_laptop_sends_a_registry_with_the_logs_key_all_that_it_lost_and_goes_on_where_that_ended() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let never_promoted = world.publish(&checkout.path);
    let server = world.server("web1");
    for change in ["Second", "Third"] {
        checkout.commit_change(change);
        world.release(&checkout.path, PROJECT);
    }
    world.bulla(&["log", "fetch", "shorter"]).done();
    checkout.commit_change("Fourth");
    let newest = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    world.bulla(&["log", "fetch", "kept-log"]).done();
    let checkpoint = fs::read(world.path("kept-log/checkpoint")).unwrap();
    let key = fs::read(world.registry.data().join("log-key.pem")).unwrap();
    lose_machine(&mut world);
    fs::write(world.registry.data().join("log-key.pem"), key).unwrap();
    world.registry.start_again_with(&["--most-entries", "3"]);

    // Only who may do everything sends entries without their content.
    world.token = world.registry.create_token("push,pull", "*");
    let push = |world: &World| world.bulla(&["log", "push", "kept-log"]);
    push(&world).fails(1, "entry 0 of the log was not taken");
    world.token = world.registry.create_token("push,pull,admin", "*");
    // What is older than what this machine knows is not what it is after.
    world
        .bulla(&["log", "push", "shorter"])
        .refused("does not pass through");
    push(&world).fails(4, "entry 3 of the log was not taken");
    world.registry.stop();
    world.registry.start_again();
    let sent = push(&world).done();
    assert!(sent.stderr.contains("sent 5 entries"), "{sent}");
    let again = push(&world).done();
    assert!(again.stderr.contains("sent 0 entries"), "{again}");
    let here = fs::read(world.registry.data().join("log/checkpoint")).unwrap();
    assert_eq!(
        here, checkpoint,
        "the same history, signed with the same key"
    );

    // What it has no content of, it says; and everybody goes on.
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(newest.clone()));
    assert_eq!(world.publish(&checkout.path), newest);
    checkout.commit_change("Fifth");
    let next = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(next));
    world.registry.stop();
    let found = world.registry.keep(&["fsck", "--json"]);
    assert!(found.stdout.contains(&never_promoted), "{found}");
    assert!(!found.stdout.contains(&newest), "{found}");
}

#[test]
fn a_registry_that_is_killed_while_its_log_is_sent_again_has_the_same_history_in_the_end() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    checkout.commit_change("Second");
    world.publish(&checkout.path);
    world.bulla(&["log", "fetch", "kept-log"]).done();
    let checkpoint = fs::read(world.path("kept-log/checkpoint")).unwrap();
    let key = fs::read(world.registry.data().join("log-key.pem")).unwrap();
    lose_machine(&mut world);
    fs::write(world.registry.data().join("log-key.pem"), key).unwrap();
    world.token = world.registry.create_token("push,pull,admin", "*");
    // Before an entry is in, which the next start finishes, behind one, and behind a release.
    for (failpoint, entry) in [
        ("sequencer::tiles-written", 0),
        ("sequencer::checkpoint-published", 1),
        ("statements::attached", 3),
    ] {
        world.registry.start_dying(failpoint);
        let words = format!("entry {entry} of the log was not taken");
        world.bulla(&["log", "push", "kept-log"]).fails(4, &words);
        world.registry.wait_killed();
    }
    world.registry.start_again();
    world.bulla(&["log", "push", "kept-log"]).done();
    let here = fs::read(world.registry.data().join("log/checkpoint")).unwrap();
    assert_eq!(here, checkpoint);
}
