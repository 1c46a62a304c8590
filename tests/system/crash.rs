//! A `kill -9` at every failpoint of the installer leaves exactly the old or the new release
//! live, and the next run completes.

use std::collections::BTreeSet;

use bulla_tests::{Server, Transcript, Tree, World};

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
}

/// Releases of one project, oldest first.
struct Releases {
    world: World,
    hashes: Vec<String>,
    trees: Vec<Tree>,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "a first install",
        prepare: |_| {},
        before: None,
        command: |_| install(0),
        after: 0,
    },
    Situation {
        name: "an update",
        prepare: |server| {
            server.run(&install(0)).done();
        },
        before: Some(0),
        command: |_| install(1),
        after: 1,
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
    },
    Situation {
        name: "an update when old releases lie about",
        prepare: |server| {
            for release in 0..CHANNELS.len() - 1 {
                server.run(&install(release)).done();
            }
        },
        before: Some(CHANNELS.len() - 2),
        command: |_| [install(CHANNELS.len() - 1), vec!["--keep", "2"]].concat(),
        after: CHANNELS.len() - 1,
    },
];

/// One channel for each release, so that servers can be taken from one to the next in any order;
/// more releases than a server keeps.
const CHANNELS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

fn install(release: usize) -> Vec<&'static str> {
    let channel = CHANNELS[release];
    vec!["install", PROJECT, "--channel", channel, "--switch-channel"]
}

#[test]
fn at_every_failpoint_the_old_or_the_new_release_is_live_and_the_next_run_completes() {
    let releases = Releases::publish();
    let failpoints = failpoints();
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
        run.done();
    }
    let live = releases.live(server);
    assert!(
        live == situation.before || live == Some(situation.after),
        "{context}: {live:?} is live"
    );
    if let Some(release) = live {
        assert_eq!(
            server.live_tree(PROJECT),
            releases.trees[release],
            "{context}"
        );
    }
    server.run(&arguments).done();
    assert_eq!(releases.live(server), Some(situation.after), "{context}");
    assert_eq!(
        server.live_tree(PROJECT),
        releases.trees[situation.after],
        "{context}"
    );
    server.run(&["verify", PROJECT]).done();
    reached
}

impl Releases {
    fn publish() -> Self {
        let world = World::with_channels(&CHANNELS);
        let mut checkout = world.git(PROJECT);
        let mut hashes = Vec::new();
        let mut trees = Vec::new();
        for channel in CHANNELS {
            checkout.commit_change(channel);
            let hash = world.publish(&checkout.path);
            world.promote(PROJECT, &hash, channel);
            hashes.push(hash);
            trees.push(Tree::read(&checkout.path).without(".git"));
        }
        Self {
            world,
            hashes,
            trees,
        }
    }

    fn live(&self, server: &Server) -> Option<usize> {
        let live = server.live(PROJECT)?;
        let found = self.hashes.iter().position(|hash| *hash == live);
        assert!(found.is_some(), "{live} is live and was never published");
        found
    }
}

fn failpoints() -> Vec<String> {
    std::fs::read_to_string(LIST)
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
        .expect("the installer lists its failpoints")
}
