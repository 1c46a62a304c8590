//! Two commands between two looks of a server: a rollback, and a promotion for which it has to wait.

use bulla_tests::{Server, Transcript, World};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Follower, PROJECT, promote, seen, wave, with_hook};

/// A server that looks when it is told to.
struct Looker {
    server: Server,
    host_file: PathBuf,
}

impl Looker {
    fn new(world: &World, name: &str, more: &str) -> Self {
        let (server, host_file) = world.follower(name, PROJECT);
        let followed = fs::read_to_string(&host_file).unwrap();
        fs::write(&host_file, format!("{more}\n{followed}")).unwrap();
        Self { server, host_file }
    }

    fn run(&self, arguments: &[&str]) -> Transcript {
        let config = ["--config", self.host_file.to_str().unwrap()];
        self.server.run(&[arguments, &config].concat()).done()
    }

    fn live(&self) -> String {
        self.server.live(PROJECT).unwrap()
    }
}

fn roll_back(world: &World, checkout: &Path) {
    let mut command = world.bulla_command();
    command.args(["rollback", "prod", "--project", PROJECT, "--yes"]);
    command.args(["-m", "it loses invoices", "--ssh-key"]);
    command.arg(&world.alice.public_key).current_dir(checkout);
    Transcript::of(&mut command).done();
}

#[test]
fn a_server_that_missed_a_rollback_goes_back_although_it_waits_for_the_next_promotion() {
    // R1: a channel that is rolled back does not take its servers along.
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let a = world.release(&checkout.path, PROJECT);
    let second = Looker::new(&world, "web2", "wave = 2");
    let closed = Looker::new(&world, "web3", "windows = [\"Sun 03:00-03:01\"]");
    second.run(&["install"]);
    closed.run(&["install", "--now", "-m", "new"]);
    let b = promote(
        &world,
        &mut checkout,
        "b",
        &["--waves", "manual", "--urgent"],
    );
    wave(&world, &["all"]).done();
    for server in [&second, &closed] {
        server.run(&["install"]);
        assert_eq!(server.live(), b);
    }
    roll_back(&world, &checkout.path);
    let c = promote(&world, &mut checkout, "c", &["--waves", "manual"]);

    let dry = second.run(&["install", "--dry-run"]);
    assert!(dry.stderr.contains("it loses invoices"), "{dry}");
    assert_eq!(second.live(), b);
    let status = second.run(&["status"]);
    for words in ["waiting", "waits as wave 2", "it loses invoices"] {
        assert!(format!("{status}").contains(words), "{status}");
    }
    for (server, waits) in [
        (&second, "waits as wave 2"),
        (&closed, "waits for the window"),
    ] {
        let run = server.run(&["install"]);
        assert_eq!(server.live(), a);
        for words in ["changed:", waits, "it loses invoices"] {
            assert!(run.stderr.contains(words), "{run}");
        }
        let history = server.run(&["history", PROJECT]);
        let last = history.stdout.lines().last().unwrap();
        assert!(last.contains("rollback"), "{history}");
        assert!(last.contains("it loses invoices"), "{history}");
        let run = server.run(&["install"]);
        assert!(run.stderr.contains("unchanged"), "{run}");
        assert_eq!(server.live(), a);
    }
    // The agent does what the command did.
    second.run(&["agent", "--once"]);
    assert_eq!(second.live(), a);
    wave(&world, &["all"]).done();
    second.run(&["agent", "--once"]);
    assert_eq!(second.live(), c);
}

#[test]
fn a_way_back_that_fails_is_no_failure_of_the_head_and_stops_no_later_wave() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    with_hook(&mut checkout);
    let a = world.release(&checkout.path, PROJECT);
    let mut one = Follower::start(&world, "web1", "");
    let mut two = Follower::start(&world, "web2", "wave = 2\n");
    one.wait_until_current(&world, "web1");
    one.agent.signal(rustix::process::Signal::TERM);
    assert_eq!(one.agent.ended(), Some(0));
    let text = fs::read_to_string(&one.host_file).unwrap();
    let windows = "windows = [\"Sun 03:00-03:01\"]\n";
    fs::write(&one.host_file, format!("{windows}{text}")).unwrap();
    let b = promote(&world, &mut checkout, "b", &["--urgent"]);
    one.look().done();
    two.wait_until_live(&b);
    roll_back(&world, &checkout.path);
    two.wait_until_live(&a);
    let c = promote(&world, &mut checkout, "c", &["--waves", "manual"]);
    // The first server missed the rollback, and waits for its window.
    let persist = one.server.project(PROJECT).join("persist");
    fs::create_dir_all(&persist).unwrap();
    fs::write(persist.join("sick"), "").unwrap();
    let look = one.look();
    assert!(look.stderr.contains("is not live meanwhile"), "{look}");
    assert_eq!(one.live(), b);
    let found = seen(&world, "web1");
    assert_eq!(found["state"], "failed", "{found}");
    assert_eq!(found["report"]["headFailed"], serde_json::Value::Null);
    let error = &found["report"]["lastError"];
    assert_eq!(
        (&error["hash"], &error["kind"]),
        (&a.into(), &"rolled-back".into())
    );
    wave(&world, &["next"]).done();
    two.wait_until_live(&c);
}
