//! A `kill -9` at every failpoint of the installer leaves exactly the old or the new release
//! live, and the next run completes.

mod backup;
mod deletion;
mod fetch;
mod keeping;
mod mirror;
mod proposals;
mod registry;

use std::collections::BTreeSet;
use std::net::TcpListener;

use bulla_tests::{Server, Transcript, Tree, World, write};

const PROJECT: &str = "acme/billing";

/// The installer's own list, so that a new failpoint is never left out.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../installer/src/failpoint.rs");

/// A way to come by failpoints: what is live before, what is done, what is live after.
struct Situation {
    name: &'static str,
    prepare: fn(&Server),
    before: Option<usize>,
    command: fn(&Releases) -> Vec<&str>,
    after: usize,
    /// The release that is live meanwhile and fails.
    failing: Option<usize>,
}

/// Releases of one project, oldest first.
struct Releases {
    world: World,
    hashes: Vec<String>,
    trees: Vec<Tree>,
    /// Of a server behind a load balancer.
    host_file: String,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "a first install",
        prepare: |_| {},
        before: None,
        command: |_| install(0),
        after: 0,
        failing: None,
    },
    Situation {
        name: "an update",
        prepare: |server| {
            server.run(&install(0)).done();
        },
        before: Some(0),
        command: |_| install(1),
        after: 1,
        failing: None,
    },
    Situation {
        name: "a rollback",
        prepare: |server| {
            server.run(&install(0)).done();
            server.run(&install(1)).done();
        },
        before: Some(1),
        command: |releases| vec!["rollback", PROJECT, &releases.hashes[0]],
        after: 0,
        failing: None,
    },
    Situation {
        name: "a run after a crash",
        prepare: |server| {
            server.run(&install(0)).done();
            server
                .run_until("activation::journal-written", &install(1))
                .killed();
        },
        before: Some(0),
        command: |_| install(1),
        after: 1,
        failing: None,
    },
    Situation {
        name: "an update when old releases lie about",
        prepare: |server| {
            for release in 0..PLAIN - 1 {
                server.run(&install(release)).done();
            }
        },
        before: Some(PLAIN - 2),
        command: |_| [install(PLAIN - 1), vec!["--keep", "2"]].concat(),
        after: PLAIN - 1,
        failing: None,
    },
    Situation {
        name: "an update of a release that is watched",
        prepare: |server| {
            server.run(&install(PLAIN)).done();
        },
        before: Some(PLAIN),
        command: |_| install(PLAIN + 1),
        after: PLAIN + 1,
        failing: None,
    },
    Situation {
        name: "an update behind a load balancer",
        prepare: |server| {
            server.run(&install(0)).done();
        },
        before: Some(0),
        command: |releases| [install(1), vec!["--config", &releases.host_file]].concat(),
        after: 1,
        failing: None,
    },
    Situation {
        name: "an update to a release that fails",
        prepare: |server| {
            server.run(&install(0)).done();
        },
        before: Some(0),
        command: |_| install(PLAIN + 2),
        after: 0,
        failing: Some(PLAIN + 2),
    },
];

/// One channel for each release, so that servers can be taken from one to the next in any order;
/// more releases than a server keeps.
const CHANNELS: [&str; PLAIN + 3] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "watched",
    "watched-again",
    "failing",
];

/// How many of them are not watched after the switch.
const PLAIN: usize = 5;

fn install(release: usize) -> Vec<&'static str> {
    let channel = CHANNELS[release];
    vec!["install", PROJECT, "--channel", channel, "--switch-channel"]
}

#[test]
fn at_every_failpoint_the_old_or_the_new_release_is_live_and_the_next_run_completes() {
    let releases = Releases::publish();
    let failpoints = failpoints(LIST);
    assert!(failpoints.len() >= 12, "{failpoints:?}");
    let reached: BTreeSet<&String> = std::thread::scope(|scope| {
        let situations: Vec<_> = SITUATIONS
            .iter()
            .map(|situation| scope.spawn(|| reached_in(&releases, situation, &failpoints)))
            .collect();
        situations
            .into_iter()
            .flat_map(|situation| situation.join().unwrap())
            .collect()
    });
    let unreached: Vec<_> = failpoints
        .iter()
        .filter(|failpoint| !reached.contains(failpoint))
        .collect();
    assert!(unreached.is_empty(), "no situation comes by {unreached:?}");
}

/// Dies at each failpoint in turn and returns those that the situation comes by.
fn reached_in<'a>(
    releases: &Releases,
    situation: &Situation,
    failpoints: &'a [String],
) -> Vec<&'a String> {
    failpoints
        .iter()
        .filter(|failpoint| {
            let name = format!("{} dies at {failpoint}", situation.name).replace(':', "-");
            let server = releases.world.server(&name);
            dies_and_recovers(releases, &server, situation, failpoint)
        })
        .collect()
}

/// Tells whether the failpoint was reached.
fn dies_and_recovers(
    releases: &Releases,
    server: &Server,
    situation: &Situation,
    failpoint: &str,
) -> bool {
    let context = format!("{} dies at {failpoint}", situation.name);
    (situation.prepare)(server);
    assert_eq!(releases.live(server), situation.before, "{context}");
    let arguments = (situation.command)(releases);
    let run: Transcript = server.run_until(failpoint, &arguments);
    let reached = run.status.is_none();
    if !reached {
        situation.ended(&run);
    }
    let live = releases.live(server);
    assert!(
        live == situation.before
            || live == Some(situation.after)
            || (live.is_some() && live == situation.failing),
        "{context}: {live:?} is live"
    );
    if let Some(release) = live {
        assert_eq!(
            server.live_tree(PROJECT),
            releases.trees[release],
            "{context}"
        );
    }
    situation.ended(&server.run(&arguments));
    assert_eq!(releases.live(server), Some(situation.after), "{context}");
    assert_eq!(
        server.live_tree(PROJECT),
        releases.trees[situation.after],
        "{context}"
    );
    server.run(&["verify", PROJECT]).done();
    reached
}

impl Situation {
    /// Expects that a run did what the situation is about.
    fn ended(&self, run: &Transcript) {
        match self.failing {
            None => drop(run.clone().done()),
            // The second time, it is known to fail.
            Some(_) => assert!(matches!(run.status, Some(3 | 5)), "{run}"),
        }
    }
}

/// Writes the host file of a server behind a load balancer, whose commands do nothing.
fn write_host_file(world: &World) -> String {
    // Whoever runs the tests may run the hooks.
    let user = if rustix::process::geteuid().is_root() {
        "user = \"root\"\n"
    } else {
        ""
    };
    let commands = "drain = [\"/bin/true\"]\nundrain = [\"/bin/true\"]\n";
    let table = format!("[project.\"{PROJECT}\".load-balancer]\n{commands}");
    let text = format!("[project.\"{PROJECT}\"]\n{user}{table}");
    write(&world.path(""), "balanced.toml", text);
    let path = world.path("balanced.toml");
    path.to_str().expect("a path of ours").to_owned()
}

/// A port on which something listens for as long as the tests run.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    port
}

impl Releases {
    fn publish() -> Self {
        let port = port();
        let world = World::with_channels(&CHANNELS);
        let mut checkout = world.git(PROJECT);
        let mut hashes = Vec::new();
        let mut trees = Vec::new();
        for channel in CHANNELS {
            let port = match channel {
                "watched" | "watched-again" => Some(port),
                // Nothing listens there.
                "failing" => Some(1),
                _ => None,
            };
            if let Some(port) = port {
                let tcp = format!("tcp = \"127.0.0.1:{port}\"");
                let recipe = format!(
                    "[bundle]\nproject = \"{PROJECT}\"\n[health]\n{tcp}\nsettle = \"0s\"\nwindow = \"50ms\"\n"
                );
                write(&checkout.path, "bulla.toml", recipe);
            }
            checkout.commit_change(channel);
            let hash = world.publish(&checkout.path);
            world.promote(PROJECT, &hash, channel);
            hashes.push(hash);
            trees.push(Tree::read(&checkout.path).without(".git"));
        }
        let host_file = write_host_file(&world);
        Self {
            world,
            hashes,
            trees,
            host_file,
        }
    }

    fn live(&self, server: &Server) -> Option<usize> {
        let live = server.live(PROJECT)?;
        let found = self.hashes.iter().position(|hash| *hash == live);
        assert!(found.is_some(), "{live} is live and was never published");
        found
    }
}

/// Reads the list of a program's failpoints out of its source.
fn failpoints(list: &str) -> Vec<String> {
    std::fs::read_to_string(list)
        .unwrap()
        .split_once("POINTS: &[&str] = &[")
        .and_then(|(_, rest)| rest.split_once("];"))
        .map(|(list, _)| {
            list.split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        })
        .expect("a list of failpoints")
}
