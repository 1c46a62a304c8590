//! A `kill -9` at every failpoint of the registry, while a release is published: what was there
//! before stays byte for byte, and the same publish completes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use bulla_tests::{Transcript, World};

use super::{PROJECT, failpoints};

/// The registry's own list.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/src/failpoint.rs");
/// Where starts, upkeep and deletions come by, and no publish.
const OTHERS: [&str; 11] = [
    "connection::",
    "delete::",
    "gc::",
    "backup::",
    "transfer::",
    "copies::",
    "restore::",
    "mirror::",
    "mirrored::",
    "fetch::",
    "proposals::",
];
/// Try again later.
const TEMPORARY: i32 = 4;

#[test]
fn at_every_failpoint_what_was_published_stays_and_the_interrupted_publish_can_be_repeated() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut published = vec![world.release(&checkout.path, PROJECT)];
    let mut failpoints = failpoints(LIST);
    failpoints.retain(|name| !OTHERS.iter().any(|module| name.starts_with(module)));
    assert!(failpoints.len() >= 12, "{failpoints:?}");
    for (number, failpoint) in failpoints.iter().enumerate() {
        checkout.write("assets/noise", noise(number));
        checkout.commit(failpoint);
        world.registry.stop();
        let before = files(world.registry.data());
        world.registry.start_dying(failpoint);
        let mut publish = world.publish_command(&checkout.path);
        publish.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut publish = publish.spawn().unwrap();
        let mut ended = None;
        while !world.registry.was_killed() {
            // Whom a dying registry cuts off may end before that is seen to be dead.
            if publish.try_wait().unwrap().is_some() {
                let ended = *ended.get_or_insert_with(Instant::now);
                let is_dying = ended.elapsed() < Duration::from_secs(10);
                assert!(is_dying, "no publish comes by {failpoint}");
            }
            thread::sleep(Duration::from_millis(5));
        }
        let after = files(world.registry.data());
        for (path, content) in &before {
            let is_same = after.get(path) == Some(content);
            assert!(is_same, "{failpoint}: {} has changed", path.display());
        }
        world.registry.start_again();
        // It may have waited for the registry, and then ends well by itself.
        let output = publish.wait_with_output().unwrap();
        let status = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(status, Some(0 | TEMPORARY)), "{failpoint}: {said}");
        assert_is_listed(&world, &published[0], "prod");
        let hash = world.publish(&checkout.path);
        assert!(!published.contains(&hash), "{failpoint}");
        published.push(hash);
        assert_each_is_listed_once(&world, &published);
        for hash in &published[number..] {
            assert_is_whole(&world, hash);
        }
    }
    for hash in &published {
        assert_is_whole(&world, hash);
    }
    let last = published.last().unwrap();
    world.promote(PROJECT, last, "prod");
    assert_is_listed(&world, last, "prod");
    let server = world.server("web1");
    let install = ["install", PROJECT, "--channel", "prod"];
    server.run(&install).done();
    assert_eq!(server.live(PROJECT).as_ref(), Some(last));
}

/// Text of which nothing is in another one, and that is several frames long.
pub(super) fn noise(number: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1);
    let word = |_| {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}\n")
    };
    (0..150_000).map(word).collect()
}

/// What lies in the registry's folder and is never written again: all but the checkpoint, the
/// database, locks, uploads, and those forms of tiles that a wider one replaces.
fn files(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = ["blobs", "recipes", "packs", "repositories", "log/tile"]
        .map(|folder| data.join(folder))
        .to_vec();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.extension().is_none_or(|extension| extension != "p") {
                    folders.push(path);
                }
            } else {
                let content = fs::read(&path).unwrap();
                files.insert(path, content);
            }
        }
    }
    assert!(!files.is_empty());
    files
}

fn assert_is_listed(world: &World, hash: &str, channel: &str) {
    let releases = world.bulla(&["releases", "--project", PROJECT, "--json", "--limit", "100"]);
    let releases = releases.done().json();
    let releases = releases.as_array().unwrap();
    let found = releases.iter().find(|release| release["hash"] == hash);
    assert_eq!(found.unwrap()["channels"][0], channel, "{releases:?}");
}

fn assert_each_is_listed_once(world: &World, published: &[String]) {
    let releases = world.bulla(&["releases", "--project", PROJECT, "--json", "--limit", "100"]);
    let releases = releases.done().json();
    let listed = releases.as_array().unwrap().iter();
    let mut listed: Vec<_> = listed.map(|release| release["hash"].as_str()).collect();
    listed.sort_unstable();
    let mut expected: Vec<_> = published.iter().map(|hash| Some(hash.as_str())).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

/// All bytes of a release are in the registry: an export reads and hashes them.
pub(super) fn assert_is_whole(world: &World, hash: &str) {
    let file = world.path("release.bulla");
    let mut export = world.bulla_command();
    export.args(["export", hash, "--project", PROJECT, "-o"]);
    Transcript::of(export.arg(&file)).done();
    fs::remove_file(&file).unwrap();
}
