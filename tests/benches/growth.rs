//! A thousand releases that differ in one line each: what the registry grows by, and whether the last
//! takes longer than the first.

use std::path::Path;

use bulla_tests::{GitCheckout, World};

use crate::measure::{self, Cost};
use crate::report;

const RELEASES: usize = 1000;
/// How many of the first and of the last are looked at for their time.
const SOME: usize = 20;

pub(crate) fn all(world: &World, checkout: &mut GitCheckout) {
    world.publish(&checkout.path);
    let before = stored(world.registry.data());
    let mut costs = Vec::new();
    // One token may append so many entries in an hour, and no more.
    let token = world.registry.create_token("push,pull", "*");
    for release in 0..RELEASES {
        checkout.commit_change(&format!("Release {release}"));
        let mut publish = world.publish_command(&checkout.path);
        costs.push(measure::run(publish.env("BULLA_TOKEN", &token)));
    }
    let grown = (stored(world.registry.data()) - before) / RELEASES as u64;
    report::alone("publish, the first of 1,000", typical(&costs[..SOME]));
    report::alone("publish, the last", typical(&costs[RELEASES - SOME..]));
    report::fact("growth", &format!("{} kB a release", grown / 1000));
    let memory = world.registry.most_memory() / 1_000_000;
    report::fact("memory of the registry", &format!("{memory} MB after that"));
}

fn typical(costs: &[Cost]) -> Cost {
    measure::median(costs.to_vec())
}

/// What the files below a folder take of the disk, in bytes.
fn stored(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(folder).expect("a folder");
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => stored(&path),
            Ok(metadata) => metadata.blocks() * 512,
            // What the registry has removed meanwhile.
            Err(_) => 0,
        }
    };
    entries.map(size).sum()
}
