//! Who reads a long log: a server that is enrolled replays all of it, and from then on what comes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bulla_registry_client::{Client, LogFollower};
use bulla_tests::Server;
use bulla_tests::programs::Program;

use crate::long::LongRegistry;
use crate::measure::{self, Cost};
use crate::report;

const SIZE: usize = 100_000;
/// How much the log grows by before it is read again.
const GROWTH: usize = 100;
const ROUNDS: usize = 9;

/// Times a reader of a log of `size` entries.
pub(crate) fn all(size: Option<usize>) {
    let size = size.unwrap_or(SIZE);
    let folder = tempfile::tempdir().expect("a folder");
    let mut long = LongRegistry::at_rest(folder.path(), size);
    long.serve();
    let anchor = long.anchor().to_string();
    let last = std::thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
    for (name, cores) in [("one core", "0"), ("all cores", &format!("0-{last}"))] {
        let server = Server::new(&folder.path().join(name), folder.path());
        let arguments = ["enroll", long.registry.url(), &anchor];
        let enroll = server.command(Program::Installer, &arguments);
        let cost = measure::run(&mut on(cores, &enroll));
        report::alone(&format!("enroll, {name}"), cost);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(grow(&mut long, folder.path()));
}

/// Times what a reader does that knows the log already: it opens its state, and takes in more.
async fn grow(long: &mut LongRegistry, folder: &Path) {
    let directory = folder.join("reader");
    let url = long.registry.url().parse().expect("an address");
    let client = Client::new(url, None).expect("a client");
    let enrolled = LogFollower::enroll(directory.as_path(), &client, Some(long.anchor())).await;
    drop(enrolled.expect("the log is followed"));
    let state = fs::metadata(directory.join("state")).expect("a state");
    report::fact("verified state", &format!("{} kB", state.len() / 1_000));
    let sender = reqwest::Client::new();
    let (mut opened, mut synced) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for entry in 0..GROWTH {
            long.append(&sender, entry % 3).await;
        }
        let begun = Instant::now();
        let follower = LogFollower::open(directory.as_path()).expect("a state that is whole");
        opened.push(time(begun));
        let mut follower = follower.expect("a log that is followed");
        let begun = Instant::now();
        follower.sync(&client).await.expect("the log has grown");
        synced.push(time(begun));
    }
    report::alone("state opened", measure::median(opened));
    report::alone(
        &format!("{GROWTH} entries taken in"),
        measure::median(synced),
    );
}

fn time(begun: Instant) -> Cost {
    Cost {
        time: begun.elapsed(),
        cpu: Duration::ZERO,
        memory: 0,
    }
}

/// Returns the command, held to some cores.
fn on(cores: &str, command: &Command) -> Command {
    let mut held = Command::new("taskset");
    held.args(["-c", cores]).arg(command.get_program());
    held.args(command.get_args());
    held.env_clear();
    held.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    held
}
