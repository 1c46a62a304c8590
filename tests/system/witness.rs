//! A witnessed log: servers go by what witnesses cosigned, forks are found out, and a registry that
//! stands still is seen to.

mod asked;

use std::path::PathBuf;

use bulla_tests::{Transcript, World, world};
use bulla_trust::{Checkpoint, SigningKey};

use crate::evil::log::{DoctoredLog, log_key};
use crate::evil::registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A witness with a key and a state file of its own.
struct Witness {
    key: PathBuf,
    state: PathBuf,
    line: String,
}

impl Witness {
    fn new(world: &World, name: &str) -> Self {
        let key = world.path(&format!("{name}.key"));
        let mut init = world.bulla_command();
        init.args(["witness", "init", name, "--key"]).arg(&key);
        let line = Transcript::of(&mut init).done().last_line().to_owned();
        Self {
            state: world.path(&format!("{name}.checkpoint")),
            key,
            line,
        }
    }

    /// Cosigns what the registry at `url` shows.
    fn cosign(&self, world: &World, url: &str, arguments: &[&str]) -> Transcript {
        let mut command = world.bulla_command();
        command.env("BULLA_REGISTRY", url).env_remove("BULLA_TOKEN");
        command.arg("witness").arg("--key").arg(&self.key);
        command.arg("--state").arg(&self.state).args(arguments);
        Transcript::of(&mut command)
    }
}

/// Runs a command of alice's that signs.
fn add(world: &World, witness: &Witness) -> Transcript {
    world.signed(&world.alice, &["policy", "witness", "add", &witness.line])
}

#[test]
fn servers_go_by_what_a_witness_cosigned() {
    let mut world = World::new();
    let url = world.registry.url().to_owned();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    let office = Witness::new(&world, "office.acme.example");
    office
        .cosign(&world, &url, &[])
        .refused("says what this witness cosigned before");
    office
        .cosign(&world, &url, &["--begin"])
        .refused("names the key");
    let added = add(&world, &office).done();
    assert!(added.stderr.contains("1 entry waits at the end"), "{added}");

    // People go on at once, and servers stay until the witness has come.
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    let promoted = world.promote(PROJECT, &second, "prod");
    assert!(
        promoted.stderr.contains("until witnesses have cosigned"),
        "{promoted}"
    );
    // What is published once more is not logged again, and an anchor goes as far as servers are shown.
    assert_eq!(world.publish(&checkout.path), second);
    let entries = world.bulla(&["audit", "--json"]).done().json();
    assert_eq!(entries.as_array().map(Vec::len), Some(6));
    let anchor = world.bulla(&["anchor"]).done();
    assert!(anchor.stdout.contains("+3+"), "{anchor}");
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    let cosigned = office.cosign(&world, &url, &["--begin"]).done();
    assert!(
        cosigned.stderr.contains("office.acme.example cosigned"),
        "{cosigned}"
    );
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*second));
    let doctor = world.bulla(&["doctor"]);
    assert!(
        doctor.stdout.contains("witnesses vouched for the log at"),
        "{doctor}"
    );

    // The state is a checkpoint that anybody reads, and a new server asks for the witness, too.
    let state = office.state.to_str().unwrap();
    world.bulla(&["compare", state]).done();
    let new = world.server("web2");
    new.install(PROJECT, "prod").done();
    assert_eq!(new.live(PROJECT).as_deref(), Some(&*second));

    // A witness that has forgotten what it cosigned does not begin again by itself, nor twice.
    office
        .cosign(&world, &url, &["--begin"])
        .fails(2, "has begun");
    let kept = std::fs::read(&office.state).unwrap();
    std::fs::remove_file(&office.state).unwrap();
    office.cosign(&world, &url, &[]).refused("does not exist");
    std::fs::write(&office.state, kept).unwrap();
    office.cosign(&world, &url, &[]).done();

    // A registry that starts again shows servers the same, and a backup keeps it.
    checkout.commit_change("three");
    world.release(&checkout.path, PROJECT);
    world.registry.stop();
    world.registry.start_again();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*second));
}

/// A9: no witness cosigns both histories.
#[test]
fn a_fork_is_shown_to_no_server_that_asks_for_a_witness() {
    let world = World::new();
    let url = world.registry.url().to_owned();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let evil = EvilRegistry::before(&url);
    let server = world.server_at("web1", evil.url());
    let office = Witness::new(&world, "office.acme.example");
    add(&world, &office).done();
    office.cosign(&world, &url, &["--begin"]).done();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    let common = DoctoredLog::read(world.registry.data());
    checkout.commit_change("two");
    world.release(&checkout.path, PROJECT);
    office.cosign(&world, &url, &[]).done();

    // Whoever has the log's key goes on from an earlier place with another entry, for one server.
    let key = log_key(world.registry.data());
    let mut fork = common;
    fork.entries.push(fork.entries[1].clone());
    fork.entries.push(fork.entries[1].clone());
    let fork = fork.sign(world::ORIGIN, &key);
    evil.show_log(fork.clone());
    server
        .install(PROJECT, "prod")
        .refused("expected 1 cosignatures of witnesses under the checkpoint, found 0");
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));

    // The witness does not cosign it, and keeps both checkpoints.
    let refused = office.cosign(&world, evil.url(), &[]).refused("log");
    let folder = office.state.parent().unwrap();
    let evidence = std::fs::read_dir(folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name()?.to_str()?.to_owned();
        name.contains(".checkpoint.fork-").then_some(path)
    });
    let evidence = evidence.unwrap_or_else(|| panic!("both are kept\n{refused}"));
    assert!(
        refused.stderr.contains(evidence.to_str().unwrap()),
        "{refused}"
    );

    // Anybody can check that, who knows the log or only its key.
    let proof = world.path("fork.proof");
    let compare = |arguments: &[&str]| {
        let mut command = world.bulla_command();
        command.arg("compare").arg(&evidence).args(arguments);
        Transcript::of(command.arg("--proof").arg(&proof))
    };
    let told = compare(&[]).refused("FORK");
    assert!(told.stderr.contains(proof.to_str().unwrap()), "{told}");
    assert_eq!(
        std::fs::read(&proof).unwrap(),
        std::fs::read(&evidence).unwrap()
    );
    let again = compare(&[]).refused("FORK");
    assert!(
        again.stderr.contains("name another file with --proof"),
        "{again}"
    );
    let policy = world.bulla(&["policy", "show", "--json"]).done().json();
    let log_key = policy["logKeys"][0].as_str().unwrap().to_owned();
    let mut stranger = bulla_tests::programs::hermetic(
        bulla_tests::Program::Bulla.path(),
        &world.path("stranger"),
    );
    stranger
        .arg("compare")
        .arg(&evidence)
        .args(["--log-key", &log_key]);
    stranger.arg("--proof").arg(world.path("other.proof"));
    Transcript::of(stranger.current_dir(world.path(""))).refused("FORK");

    evil.repent();
    server.install(PROJECT, "prod").done();
    assert_ne!(server.live(PROJECT).as_deref(), Some(&*first));
}

#[test]
fn a_server_that_missed_the_exchange_of_witnesses_says_so_and_has_two_ways_on() {
    let world = World::new();
    let url = world.registry.url().to_owned();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let office = Witness::new(&world, "office.acme.example");
    let cloud = Witness::new(&world, "cloud.acme.example");
    add(&world, &office).done();
    office.cosign(&world, &url, &["--begin"]).done();
    let (late, lost) = (world.server("web1"), world.server("web2"));
    for server in [&late, &lost] {
        server.install(PROJECT, "prod").done();
    }
    // One goes and another comes while both servers are off.
    add(&world, &cloud).done();
    office.cosign(&world, &url, &[]).done();
    cloud.cosign(&world, &url, &["--begin"]).done();
    let remove = ["policy", "witness", "remove", "office.acme.example"];
    let removed = world.signed(&world.alice, &remove).done();
    assert!(removed.stderr.contains("needs a new anchor"), "{removed}");
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    cloud.cosign(&world, &url, &[]).done();
    for server in [&late, &lost] {
        let refused = server.install(PROJECT, "prod");
        let refused = refused.refused("expected 1 cosignatures of office.acme.example");
        assert!(refused.stderr.contains("run once more"), "{refused}");
        assert!(refused.stderr.contains("bulla policy history"), "{refused}");
        let doctor = server.run(&["doctor"]);
        let said = doctor
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            said.contains("0 of the 1 witnesses that this server asks for (office.acme.example)"),
            "{doctor}"
        );
        assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    }
    // The former witness runs once more.
    office.cosign(&world, &url, &[]).done();
    late.install(PROJECT, "prod").done();
    assert_eq!(late.live(PROJECT).as_deref(), Some(&*second));

    // It is lost, and the log has gone on: a new anchor.
    checkout.commit_change("three");
    let third = world.release(&checkout.path, PROJECT);
    cloud.cosign(&world, &url, &[]).done();
    late.install(PROJECT, "prod").done();
    lost.install(PROJECT, "prod").refused("office.acme.example");
    std::fs::rename(lost.state.join("log"), lost.state.join("log.before")).unwrap();
    let anchor = world.bulla(&["anchor"]).done().last_line().to_owned();
    lost.run(&["enroll", &url, &anchor]).done();
    lost.install(PROJECT, "prod").done();
    assert_eq!(lost.live(PROJECT).as_deref(), Some(&*third));
}

#[test]
fn a_witness_cosigns_that_it_is_the_last_that_goes() {
    let world = World::new();
    let url = world.registry.url().to_owned();
    let mut checkout = world.git(PROJECT);
    let office = Witness::new(&world, "office.acme.example");
    add(&world, &office).done();
    office.cosign(&world, &url, &["--begin"]).done();
    let server = world.server("web1");
    let first = world.release(&checkout.path, PROJECT);
    office.cosign(&world, &url, &[]).done();
    server.install(PROJECT, "prod").done();
    world
        .signed(
            &world.alice,
            &["policy", "witness", "remove", "office.acme.example"],
        )
        .done();
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    // Nobody has to cosign any more, but for those who still ask.
    office.cosign(&world, &url, &[]).done();
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*second));
    checkout.commit_change("three");
    let third = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*third));
    let policy = world.bulla(&["policy", "show"]).done();
    assert!(!policy.stdout.contains("office"), "{policy}");
}

#[test]
fn what_would_install_nothing_is_warned_of_before_it_is_signed() {
    let world = World::new();
    let aged = |arguments: &[&str]| {
        let told = world.bulla(&[arguments, &["--dry-run"]].concat()).done();
        told.stderr
            .contains("warning: `prod` of every project takes no log")
    };
    let change = ["channel", "change", "prod", "--max-age", "7d"];
    assert!(aged(&change));
    let office = Witness::new(&world, "office.acme.example");
    add(&world, &office).done();
    assert!(!aged(&change));
    world.signed(&world.alice, &change).done();
    assert!(aged(&["policy", "witness", "quorum", "0"]));
    assert!(aged(&[
        "policy",
        "witness",
        "remove",
        "office.acme.example"
    ]));
    let add = ["channel", "add", "demo", "--max-age", "7d"];
    assert!(!aged(&add));
    // What cannot be is refused with what to do.
    let many = world.signed(&world.alice, &["policy", "witness", "quorum", "2"]);
    let many = many.refused("needs 2 cosignatures, and the policy names 1");
    assert!(
        many.stderr.contains("hint: `bulla policy witness add`"),
        "{many}"
    );
}

/// A10: without a witness only the age of the last entry shows it
#[test]
fn a_registry_that_stands_still_is_found_out_by_age() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let office = Witness::new(&world, "office.acme.example");
    add(&world, &office).done();
    let rule = [
        "channel",
        "add",
        "prod",
        "--of",
        "acme/*",
        "--max-age",
        "2h",
    ];
    world.signed(&world.alice, &rule).done();
    cosigned_ago(&world, &office, 0);
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);

    // The witness came last three hours ago, as the checkpoint says that is shown from then on.
    cosigned_ago(&world, &office, 3);
    let install = ["install", PROJECT, "--channel", "prod"];
    let refused = server
        .run(&install)
        .refused("witnesses vouched for the log 3 h ago");
    assert!(refused.stderr.contains("--allow-stale"), "{refused}");
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));
    // A6: with witnesses a new server takes nothing from a log that is older than `maxAge`, either.
    let new = world.server("web2");
    let refused = new.run(&install);
    refused.refused("witnesses vouched for the log 3 h ago");
    let status = server.run(&["status"]).done();
    assert!(
        status.stderr.contains("nothing new is installed"),
        "{status}"
    );
    let allow = ["--allow-stale", "-m", "the office burns"];
    server.run(&[&install[..], &allow].concat()).done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*second));
    let history = server.run(&["history", PROJECT, "--json"]).done();
    assert!(
        history
            .stdout
            .contains("the office burns (although witnesses vouched"),
        "{history}"
    );
    server.run(&["rollback", PROJECT, "-m", "back"]).done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*first));

    // Once it has come, nothing is in the way.
    server.run(&["release", PROJECT]).done();
    cosigned_ago(&world, &office, 0);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_deref(), Some(&*second));
}

/// Cosigns the newest checkpoint as the witness did so many hours ago.
#[expect(clippy::disallowed_methods, reason = "a witness has a clock")]
fn cosigned_ago(world: &World, witness: &Witness, hours: u64) {
    let key = SigningKey::from_pem(&std::fs::read_to_string(&witness.key).unwrap()).unwrap();
    let (name, _) = witness.line.split_once('+').unwrap();
    let url = format!("{}/log/cosignatures", world.registry.url());
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let found = reqwest::get(&url).await.unwrap().bytes().await.unwrap();
        let found: serde_json::Value = serde_json::from_slice(&found).unwrap();
        let newest = found["newest"].as_str().unwrap().as_bytes();
        let (_, mut note) = Checkpoint::parse(newest).unwrap();
        note.cosign(name, &key, now - hours * 3600).unwrap();
        let client = reqwest::Client::new();
        let sent = client
            .post(&url)
            .body(note.to_bytes())
            .send()
            .await
            .unwrap();
        assert!(sent.status().is_success(), "{}", sent.status());
    });
}
