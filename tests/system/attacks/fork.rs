//! Somebody has the registry's data with the log's key, goes on with another history, and shows it to
//! those whose way to the registry leads past them.

use std::process::Command;

use bulla_tests::programs::hermetic;
use bulla_tests::{GitCheckout, Person, Registry, Server, Transcript, World};
use bulla_trust::Checkpoint;

use crate::evil::log::DoctoredLog;
use crate::evil::registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A release live on a server; another one is published and not promoted. From here the histories part.
struct Scene {
    world: World,
    checkout: GitCheckout,
    first: String,
    second: String,
    /// Between the server and whichever registry answers.
    line: EvilRegistry,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let line = EvilRegistry::before(world.registry.url());
        let mut checkout = world.git(PROJECT);
        let first = world.release(&checkout.path, PROJECT);
        let server = world.server_at("web1", line.url());
        server.install(PROJECT, "prod").done();
        checkout.commit_change("two");
        let second = world.publish(&checkout.path);
        Self {
            world,
            checkout,
            first,
            second,
            line,
            server,
        }
    }

    /// Serves a copy of all that the registry has now: its log's key, and its tokens.
    fn copied_registry(&mut self) -> Registry {
        self.world.registry.stop();
        let copy = self.world.path("copied");
        let mut command = Command::new("cp");
        command.arg("-a").arg(self.world.registry.data()).arg(&copy);
        assert!(command.status().unwrap().success());
        self.world.registry.start_again();
        Registry::serve(&copy, &self.world.home())
    }

    /// Runs a command of a person who talks to a registry, with a memory of their own.
    fn signed(&self, url: &str, person: &Person, memory: &str, arguments: &[&str]) -> Transcript {
        let mut command = self.world.bulla_command();
        command
            .args(arguments)
            .args(["--yes", "--ssh-key"])
            .arg(&person.public_key)
            .current_dir(&self.checkout.path)
            .env("BULLA_REGISTRY", url)
            .env("XDG_STATE_HOME", self.world.path(memory));
        Transcript::of(&mut command)
    }

    fn live(&self) -> String {
        self.server.live(PROJECT).unwrap()
    }
}

fn promote(hash: &str) -> [&str; 5] {
    ["promote", hash, "prod", "-m", "because a test says so"]
}

/// A9: without a witness nobody notices before two views are compared
#[test]
fn two_servers_are_shown_two_histories_until_somebody_compares_them() {
    let mut scene = Scene::new();
    let other = scene.world.server("web2");
    let fork = scene.copied_registry();
    scene.world.promote(PROJECT, &scene.second, "prod");
    other.install(PROJECT, "prod").done();
    assert_eq!(other.live(PROJECT).as_deref(), Some(&*scene.second));
    let alice = scene.world.alice.clone();
    let revoke = ["revoke", &scene.second, "-m", "never meant"];
    scene.signed(fork.url(), &alice, "tricked", &revoke).done();
    // The server takes what it is shown: nothing is wrong with it but that there is another one.
    scene.line.turn_to(fork.url());
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.live(), scene.first);

    let proof = scene.world.path("two.proof");
    let mut compare = scene.world.bulla_command();
    compare.args(["compare", scene.world.registry.url(), fork.url()]);
    compare.arg("--proof").arg(&proof);
    Transcript::of(&mut compare).refused("FORK");
    // Two notes of one log, of which both are signed and not both can be true.
    let proof = std::fs::read(&proof).unwrap();
    let notes = bulla_trust::note::split(&proof);
    let checkpoints = notes.iter().map(|note| Checkpoint::parse(note).unwrap().0);
    let roots: Vec<_> = checkpoints.map(|checkpoint| checkpoint.root).collect();
    assert_eq!(roots.len(), 2);
    assert_ne!(roots[0], roots[1]);

    // The server finds out by itself as soon as it is shown the other one, and keeps both.
    scene.line.turn_to(scene.world.registry.url());
    let refused = scene.server.install(PROJECT, "prod");
    let refused = refused.refused("the log forked: at size 5");
    assert!(refused.stderr.contains("fork-5-"), "{refused}");
    assert_eq!(scene.live(), scene.first);
    // It stays said until somebody has looked at it.
    let doctor = scene.server.run(&["doctor"]);
    assert!(doctor.stdout.contains("cannot both be true"), "{doctor}");
    assert!(doctor.stdout.contains("bulla compare"), "{doctor}");
    assert_eq!(doctor.status, Some(1), "{doctor}");
}

/// Alice's key is stolen, and she puts another one in its place; the thief goes on with a copy of the
/// registry from before, as if she had not, and releases with a builder of their own.
fn captured(scene: &mut Scene) -> (Registry, String) {
    let fork = scene.copied_registry();
    let thief = scene.world.alice.clone();
    let alice = Person::with_new_key("new", &scene.world.path("people"));
    let new = alice.public_key.to_str().unwrap();
    let rotate = ["key", "rotate", "alice", new];
    let url = scene.world.registry.url().to_owned();
    scene.signed(&url, &thief, "alice", &rotate).done();
    scene
        .signed(&url, &thief, "alice", &promote(&scene.second))
        .refused("does not name the key");

    let key = scene.world.path("thief.pem");
    let key = key.to_str().unwrap();
    scene.world.bulla(&["key", "generate", key]).done();
    let public = format!("{key}.pub");
    let add = ["builder", "add", "thief", &public, "--of", "acme/*"];
    scene.signed(fork.url(), &thief, "thief", &add).done();
    scene.checkout.commit_change("by the thief");
    let mut publish = scene.world.bulla_command();
    publish
        .arg("publish")
        .arg(&scene.checkout.path)
        .args(["--key", key]);
    publish.env("BULLA_REGISTRY", fork.url());
    publish.env("XDG_STATE_HOME", scene.world.path("thief"));
    let bad = Transcript::of(&mut publish).done().last_line().to_owned();
    scene
        .signed(fork.url(), &thief, "thief", &promote(&bad))
        .done();
    (fork, bad)
}

/// A12: without a witness that server is captured
#[test]
fn former_root_keys_and_the_registry_capture_a_server_that_never_saw_them_go() {
    let mut scene = Scene::new();
    let second_line = EvilRegistry::before(scene.world.registry.url());
    let other = scene.world.server_at("web2", second_line.url());
    let (fork, bad) = captured(&mut scene);
    other.install(PROJECT, "prod").done();
    scene.line.turn_to(fork.url());
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.live(), bad);

    // A server that has seen the key go refuses that history, and so does one with a newer anchor.
    second_line.turn_to(fork.url());
    let refused = "the log's entries do not lead to its checkpoint";
    other.install(PROJECT, "prod").refused(refused);
    assert_eq!(other.live(PROJECT).as_deref(), Some(&*scene.first));
    let mut anchor = scene.world.bulla_command();
    let anchor = anchor
        .arg("anchor")
        .env("XDG_STATE_HOME", scene.world.path("alice"));
    let anchor = Transcript::of(anchor).done();
    let new = Server::new(&scene.world.path("servers/web3"), &scene.world.home());
    new.run(&["enroll", fork.url(), anchor.last_line()])
        .refused("anchor");
    // The captured server is alone, and says so as soon as it hears of the others again.
    scene.line.turn_to(scene.world.registry.url());
    scene
        .server
        .install(PROJECT, "prod")
        .refused("the log shrank: remembered size 7, offered 5");
}

/// A12: the witnesses of the policy that the server knows have to cosign it.
#[test]
fn former_root_keys_and_the_registry_capture_no_server_that_knows_a_witness() {
    let mut scene = Scene::new();
    let key = scene.world.path("office.key");
    let init = ["witness", "init", "office.acme.example", "--key"];
    let mut command = scene.world.bulla_command();
    let line = Transcript::of(command.args(init).arg(&key)).done();
    let url = scene.world.registry.url().to_owned();
    let alice = scene.world.alice.clone();
    let add = ["policy", "witness", "add", line.last_line()];
    scene.signed(&url, &alice, "alice", &add).done();
    let mut command = scene.world.bulla_command();
    command.args(["witness", "--begin", "--key"]).arg(&key);
    command
        .arg("--state")
        .arg(scene.world.path("office.checkpoint"));
    Transcript::of(&mut command).done();
    scene.server.install(PROJECT, "prod").done();

    let (fork, _) = captured(&mut scene);
    // The policy of the fork asks for no witness any more.
    let thief = scene.world.alice.clone();
    let remove = ["policy", "witness", "remove", "office.acme.example"];
    scene.signed(fork.url(), &thief, "thief", &remove).done();
    scene.line.show_log(DoctoredLog::read(fork.data()));
    let refused = "expected 1 cosignatures of office.acme.example under the checkpoint, found 0: the \
                   log's newest policy has other witnesses";
    scene.server.install(PROJECT, "prod").refused(refused);
    assert_eq!(scene.live(), scene.first);
    scene.line.repent();
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.live(), scene.first);
}

/// A18: the engineer has to sign again
#[test]
fn what_an_engineer_signs_on_a_fork_is_nothing_elsewhere() {
    let mut scene = Scene::new();
    let fork = scene.copied_registry();
    scene.checkout.commit_change("only on the fork");
    let mut publish = scene.world.publish_command(&scene.checkout.path);
    publish.env("BULLA_REGISTRY", fork.url());
    publish.env("XDG_STATE_HOME", scene.world.path("builder"));
    Transcript::of(&mut publish).done();
    scene.line.turn_to(fork.url());
    let alice = scene.world.alice.clone();
    let promote = promote(&scene.second);
    let line = scene.line.url();
    scene.signed(line, &alice, "alice", &promote).done();

    // Whoever has it sends it to the registry that others see, whose history is another one.
    scene.checkout.commit_change("only here");
    scene.world.publish(&scene.checkout.path);
    let mut log = DoctoredLog::read(fork.data());
    let signed = scene.world.path("signed.json");
    std::fs::write(&signed, log.entries.pop().unwrap()).unwrap();
    let mut curl = hermetic("curl", &scene.world.home());
    curl.args(["--silent", "--show-error", "--write-out", "%{http_code}"]);
    let token = format!("Authorization: Bearer {}", scene.world.token);
    curl.args(["--header", &token, "--data-binary"]);
    curl.arg(format!("@{}", signed.display()));
    curl.arg(format!("{}/log/entries", scene.world.registry.url()));
    let answer = Transcript::of(&mut curl).done();
    assert!(answer.stdout.ends_with("422"), "{answer}");
    let words = "it was signed for another history: at size 5";
    assert!(answer.stdout.contains(words), "{answer}");
    scene.line.turn_to(scene.world.registry.url());
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.live(), scene.first);

    // She is told as soon as she sees the other history, and signs again with a memory of that one.
    let line = scene.line.url();
    let told = scene.signed(line, &alice, "alice", &promote);
    told.refused("the log shrank: remembered size 6, offered 5");
    scene.signed(line, &alice, "again", &promote).done();
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.live(), scene.second);
}
