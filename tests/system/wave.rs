//! Waves and windows: a promotion reaches servers step by step, and only as far as people signed it.

mod taken_back;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use bulla_tests::{Agent, GitCheckout, Program, Server, Transcript, World};
use serde_json::Value;

const PROJECT: &str = "acme/billing";

/// A server that follows the project, with its agent, which reports.
struct Follower {
    server: Server,
    host_file: PathBuf,
    token: String,
    agent: Agent,
}

impl Follower {
    /// `more` is what its host file says besides.
    fn start(world: &World, name: &str, more: &str) -> Self {
        let (server, host_file) = world.follower(name, PROJECT);
        let followed = fs::read_to_string(&host_file).unwrap();
        // Whoever runs the tests may run the hooks.
        let user = if rustix::process::geteuid().is_root() {
            "user = \"root\"\n"
        } else {
            ""
        };
        let text = format!("name = \"{name}\"\npoll = \"1s\"\n{more}\n{followed}{user}");
        fs::write(&host_file, text).unwrap();
        let created = world
            .registry
            .token(&["create", "--scope", "pull,report", "--host", name])
            .done();
        let token = created.last_line().to_owned();
        let environment = [("BULLA_TOKEN", &*token)];
        let agent = Agent::start_with(&server, Program::Installer, &host_file, &environment);
        Self {
            server,
            host_file,
            token,
            agent,
        }
    }

    fn wait_until_live(&mut self, hash: &str) {
        self.agent.wait_until_live(&self.server, PROJECT, hash);
    }

    /// Waits for its report that the head works. A release is live before its hook has ended, which
    /// a test may be about to have fail.
    fn wait_until_current(&mut self, world: &World, name: &str) {
        self.agent.wait_for("a report that it is current", |_| {
            seen(world, name)["state"] == "current"
        });
    }

    fn live(&self) -> String {
        self.server.live(PROJECT).unwrap()
    }

    /// Looks once, after its agent has ended.
    fn look(&self) -> Transcript {
        let arguments = ["agent", "--once", "--config"];
        let mut command = self.server.command(Program::Installer, &arguments);
        Transcript::of(command.arg(&self.host_file).env("BULLA_TOKEN", &self.token))
    }

    fn run(&self, arguments: &[&str]) -> Transcript {
        let config = ["--config", self.host_file.to_str().unwrap()];
        self.server.run(&[arguments, &config].concat())
    }
}

/// A hook that fails while `persist/sick` is there.
fn with_hook(checkout: &mut GitCheckout) {
    let recipe = format!(
        "[bundle]\nproject = \"{PROJECT}\"\n\n[hooks]\n\
         activate = [\"bin/activate\"]\n"
    );
    let script = "#!/bin/sh\nif test -e $BULLA_PERSIST/sick; then\n\
                  echo secret; echo the disk is sick > $BULLA_REASON; exit 1; fi\n";
    bulla_tests::write(&checkout.path, "bin/activate", script);
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(checkout.path.join("bin/activate"), executable).unwrap();
    bulla_tests::write(&checkout.path, "bulla.toml", &recipe);
    checkout.commit_change("with a hook");
}

/// Three servers in three waves, on which a first release is live.
fn fleet(world: &World, checkout: &GitCheckout) -> ([Follower; 3], String) {
    let first = world.release(&checkout.path, PROJECT);
    let mut fleet = [1, 2, 3]
        .map(|wave| Follower::start(world, &format!("web{wave}"), &format!("wave = {wave}\n")));
    for (follower, name) in fleet.iter_mut().zip(["web1", "web2", "web3"]) {
        follower.wait_until_current(world, name);
    }
    (fleet, first)
}

/// Another release, promoted with more on the command line.
fn promote(world: &World, checkout: &mut GitCheckout, change: &str, more: &[&str]) -> String {
    checkout.commit_change(change);
    let hash = world.publish(&checkout.path);
    let mut command = world.promote_command(PROJECT, &hash, "prod");
    Transcript::of(command.args(more)).done();
    hash
}

fn wave(world: &World, arguments: &[&str]) -> Transcript {
    let mut command = world.bulla_command();
    command.arg("wave").args(arguments);
    if !arguments.is_empty() && arguments[0] != "--json" {
        command.arg("--ssh-key").arg(&world.alice.public_key);
        command.args(["-m", "a test says so", "--yes"]);
    }
    Transcript::of(command.args(["--project", PROJECT]))
}

/// What `bulla where` says of a server.
fn seen(world: &World, host: &str) -> Value {
    let found = world.bulla(&["where", PROJECT, "--json"]).done().json();
    let found = found.as_array().unwrap();
    let host = found.iter().find(|found| found["host"] == host);
    host.cloned().unwrap_or_default()
}

/// What a registry that lies says of a server that is not there.
fn lie(world: &World, hash: &str, health: &str) {
    let report = format!(
        r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
            "system":"none","logSize":3,"projects":[{{"project":"{PROJECT}","channel":"prod",
            "live":"{hash}","head":"{hash}","standing":"up-to-date","health":"{health}"}}]}}"#
    );
    world.registry.report("ghost", &report);
}

#[test]
fn a_wave_that_fails_stops_those_behind_it_until_people_say_otherwise() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    with_hook(&mut checkout);
    let ([mut one, mut two, three], first) = fleet(&world, &checkout);
    let persist = one.server.project(PROJECT).join("persist");
    fs::create_dir_all(&persist).unwrap();
    fs::write(persist.join("sick"), "").unwrap();
    let second = promote(&world, &mut checkout, "two", &["--waves", "20s"]);
    one.agent.wait_until_said("is not tried again");
    one.wait_until_live(&first);
    two.agent
        .wait_until_said("waits as wave 2, because it failed on web1 of wave 1");
    let asked = world.bulla(&["where", PROJECT]).done();
    assert!(
        asked
            .stdout
            .contains("ended with status 1: the disk is sick"),
        "{asked}"
    );
    assert!(!asked.stdout.contains("secret"), "{asked}");
    assert_eq!([two.live(), three.live()], [&*first, &*first]);
    let refused = wave(&world, &["next", "prod"]).refused("failed on web1 of wave 1");
    assert!(refused.stderr.contains("--despite-failures"), "{refused}");
    assert!(
        refused
            .stderr
            .contains("wave 1: may go, 1 server, 0 current; failed: web1"),
        "{refused}"
    );
    wave(&world, &["next", "prod", "--despite-failures"]).done();
    two.wait_until_live(&second);
    // Twice the interval is over, and nobody said that the third may go.
    assert_eq!(three.live(), first);
    let shown = wave(&world, &["--json"]).done().json();
    assert_eq!(shown["steps"][0]["failed"][0]["host"], "web1");

    // Who goes back to it later is told.
    fs::remove_file(persist.join("sick")).unwrap();
    let third = promote(&world, &mut checkout, "three", &[]);
    one.wait_until_live(&third);
    one.wait_until_current(&world, "web1");
    let mut rollback = world.bulla_command();
    rollback.args([
        "rollback",
        "prod",
        "--project",
        PROJECT,
        "--dry-run",
        "--json",
    ]);
    let back = Transcript::of(rollback.args(["--to", &second])).done();
    assert!(
        back.stderr
            .contains("failed before on 1 server (web1), and is tried there again"),
        "{back}"
    );
    assert_eq!(back.json()["failedOn"][0], "web1");
}

#[test]
fn a_failure_counts_for_later_waves_until_the_release_was_proved_and_not_until_a_person_retries() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    with_hook(&mut checkout);
    world.release(&checkout.path, PROJECT);
    let mut one = Follower::start(&world, "web1", "");
    one.wait_until_current(&world, "web1");
    let persist = one.server.project(PROJECT).join("persist");
    fs::create_dir_all(&persist).unwrap();
    fs::write(persist.join("sick"), "").unwrap();
    let second = promote(&world, &mut checkout, "two", &["--waves", "10m"]);
    one.agent.wait_until_said("is not tried again");
    one.agent.signal(rustix::process::Signal::TERM);
    assert_eq!(one.agent.ended(), Some(0));
    one.run(&["retry", PROJECT]).done();
    // Before it is tried, its window closes.
    let text = fs::read_to_string(&one.host_file).unwrap();
    fs::write(
        &one.host_file,
        format!("windows = [\"Sun 03:00-03:01\"]\n{text}"),
    )
    .unwrap();
    one.look().done();
    let found = seen(&world, "web1");
    assert_eq!(found["state"], "failed", "{found}");
    assert_eq!(found["report"]["headFailed"], true, "{found}");
    let why = found["report"]["lastError"]["message"].as_str().unwrap();
    assert!(why.contains("`activate`"), "{found}");
    wave(&world, &["next"]).refused("failed on web1 of wave 1");

    fs::remove_file(persist.join("sick")).unwrap();
    fs::write(&one.host_file, text).unwrap();
    one.look().done();
    assert_eq!(one.live(), second);
    let found = seen(&world, "web1");
    assert_eq!(found["state"], "current", "{found}");
    assert_eq!(found["report"]["headFailed"], Value::Null, "{found}");
    wave(&world, &["next"]).refused("no server is in a wave after 1");
}

#[test]
fn a_release_that_failed_is_tried_again_everywhere_when_people_promote_it_again() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    with_hook(&mut checkout);
    let first = world.release(&checkout.path, PROJECT);
    let mut one = Follower::start(&world, "web1", "");
    one.wait_until_current(&world, "web1");
    let persist = one.server.project(PROJECT).join("persist");
    fs::create_dir_all(&persist).unwrap();
    fs::write(persist.join("sick"), "").unwrap();
    let second = promote(&world, &mut checkout, "two", &["--waves", "manual"]);
    one.agent.wait_until_said(&format!(
        "`bulla promote {} CHANNEL --again -m REASON`",
        &second.replace("sha256:", "")[..12]
    ));
    one.wait_until_live(&first);
    // What it lacked is there now.
    fs::remove_file(persist.join("sick")).unwrap();
    let promote_it = |more: &[&str]| {
        let mut command = world.promote_command(PROJECT, &second, "prod");
        Transcript::of(command.args(more))
    };
    let standing = promote_it(&[]).done();
    assert!(standing.stderr.contains("--again"), "{standing}");
    promote_it(&["--again", "--dry-run"]).done();
    assert_eq!(one.live(), first);
    let again = promote_it(&["--again"]).done();
    assert!(again.stderr.contains("again, entry"), "{again}");
    one.wait_until_live(&second);
    // The waves are those that it had.
    let shown = wave(&world, &["--json"]).done().json();
    assert_eq!(shown["waves"], "manual");
    assert_eq!(shown["open"], 1);
}

#[test]
fn an_agent_sees_at_once_that_a_person_releases_a_project() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let mut one = Follower::start(&world, "web1", "");
    one.wait_until_live(&first);
    let text = fs::read_to_string(&one.host_file).unwrap();
    // Its own looks come too late for the test.
    let seldom = text.replace("poll = \"1s\"", "poll = \"24h\"");
    fs::write(&one.host_file, seldom).unwrap();
    one.agent.wait_until_said("the host file was read again");
    one.run(&["hold", PROJECT, "-m", "an audit"]).done();
    let second = promote(&world, &mut checkout, "two", &[]);
    one.agent.wait_for("a report that it is held", |_| {
        seen(&world, "web1")["state"] == "held"
    });
    one.run(&["release", PROJECT]).done();
    one.wait_until_live(&second);
}

#[test]
fn manual_waves_go_as_far_as_people_signed_and_a_registry_that_lies_changes_nothing() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let ([mut one, mut two, mut three], first) = fleet(&world, &checkout);
    let second = promote(&world, &mut checkout, "two", &["--waves", "manual"]);
    one.wait_until_live(&second);
    lie(&world, &second, "healthy");
    for follower in [&mut two, &mut three] {
        follower.agent.wait_until_said("until people let it go");
    }
    two.agent.wait_for("a report that it waits", |_| {
        let found = seen(&world, "web2");
        found["state"] == "waiting" && found["report"]["wave"] == 2
    });
    let listed = world.bulla(&["where", PROJECT]).done();
    assert!(listed.stdout.contains("WAVE"), "{listed}");
    assert_eq!([two.live(), three.live()], [&*first, &*first]);
    lie(&world, &second, "failing");
    wave(&world, &["next"]).refused("failed on ghost of wave 1");
    lie(&world, &second, "healthy");
    let dry = wave(&world, &["next", "--dry-run"]).done();
    assert!(dry.stderr.contains("wave 2 of prod"), "{dry}");
    let shown = wave(&world, &["--json"]).done().json();
    assert_eq!(shown["open"], 1, "{shown}");
    let next = wave(&world, &["next", "--json"]).done();
    assert!(next.stderr.contains("wave 2 of prod"), "{next}");
    let steps = &next.json()["steps"];
    assert_eq!(steps[1]["mayGo"], true, "{steps}");
    assert_eq!(steps[2]["mayGo"], false, "{steps}");
    two.wait_until_live(&second);
    three.agent.wait_until_said("waves up to 2 may");
    assert_eq!(three.live(), first);
    lie(&world, &second, "failing");
    wave(&world, &["all", "--despite-failures"]).done();
    three.wait_until_live(&second);
    wave(&world, &["next"]).refused("every wave of `prod` may go already");
    let shown = wave(&world, &[]).done();
    assert!(shown.stderr.contains("all waves may go"), "{shown}");
    let history = world
        .bulla(&["history", "prod", "--project", PROJECT])
        .done();
    for words in [
        "let every wave go",
        "let waves up to 2 go",
        "promote, waves: manual",
    ] {
        assert!(history.stdout.contains(words), "{words}: {history}");
    }
    // What is taken back is taken back everywhere, at once.
    let mut rollback = world.bulla_command();
    rollback.args(["rollback", "prod", "--project", PROJECT, "-m", "worse"]);
    rollback.args(["--yes", "--ssh-key"]);
    Transcript::of(rollback.arg(&world.alice.public_key)).done();
    for follower in [&mut one, &mut two, &mut three] {
        follower.wait_until_live(&first);
    }
}

#[test]
fn a_registry_that_says_that_all_failed_delays_and_no_more() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let ([mut one, mut two, _three], _) = fleet(&world, &checkout);
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    lie(&world, &second, "failing");
    let mut command = world.promote_command(PROJECT, &second, "prod");
    let promoted = Transcript::of(command.args(["--waves", "1s"])).done();
    assert!(
        promoted
            .stderr
            .contains("waves: wave 1 at once, each further wave 1s later; servers: 2 in wave 1"),
        "{promoted}"
    );
    one.wait_until_live(&second);
    two.agent.wait_until_said("failed on ghost of wave 1");
    lie(&world, &second, "healthy");
    two.wait_until_live(&second);
}

#[test]
fn windows_hold_back_all_but_what_is_urgent_and_what_a_person_on_the_server_wants() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let today = |more: &str| {
        let mut date = Command::new("date");
        let output = date
            .args(["-u", "-d", more, "+%a"])
            .env("LC_ALL", "C")
            .output();
        String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned()
    };
    let mut web = Follower::start(&world, "web1", "");
    web.wait_until_live(&first);
    let host_file = web.host_file.clone();
    let text = fs::read_to_string(&host_file).unwrap();
    let windows = |days: &str| {
        let windows = format!("windows = [\"{days} 00:00-24:00\"]\ntime-zone = \"UTC\"\n");
        fs::write(&host_file, windows + &text).unwrap();
    };
    windows(&today("+3 days"));
    web.agent.wait_until_said("the host file was read again");
    let second = promote(&world, &mut checkout, "two", &[]);
    web.agent.wait_until_said(&format!(
        "waits for the window that opens {}",
        today("+3 days")
    ));
    assert_eq!(web.live(), first);
    let install = web.run(&["install"]).done();
    assert!(install.stderr.contains("waits for the window"), "{install}");
    assert_eq!(web.live(), first);
    web.run(&["install", PROJECT, "--now"]).done();
    assert_eq!(web.live(), second);
    let third = promote(&world, &mut checkout, "three", &["--urgent"]);
    web.wait_until_live(&third);
    let fourth = promote(&world, &mut checkout, "four", &[]);
    let (server, config) = (&web.server, host_file.to_str().unwrap());
    web.agent.wait_for("what it waits for", |_| {
        let status = server.run(&["status", PROJECT, "--config", config]);
        status.stdout.contains("waiting")
    });
    assert_eq!(web.live(), third);
    windows("Mon-Sun");
    web.wait_until_live(&fourth);
}
