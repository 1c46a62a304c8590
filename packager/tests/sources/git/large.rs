//! Files that are too large to be held in memory, however git stores them.

use bulla_bundle::Content;
use bulla_packager::source::Tracked;

use crate::checkout::{GitRepository, noise, open_revision};

/// Reads `name` at HEAD, which must come as a stream.
fn streamed(repository: &GitRepository, name: &str) -> Vec<u8> {
    let checkout = open_revision(&repository.work(), "HEAD").unwrap();
    let is_it = |path: &[u8]| path == name.as_bytes();
    let position = checkout
        .tracked()
        .iter()
        .position(|tracked| is_it(&tracked.path));
    let position = position.unwrap();
    assert!(matches!(
        checkout.content(position).unwrap(),
        Content::Stream { .. }
    ));
    checkout.read(position, 1 << 30).unwrap()
}

/// The depths of the chains of deltas in the one pack, deepest last.
fn depths(repository: &GitRepository) -> Vec<u32> {
    let script = "git verify-pack -v .git/objects/pack/*.idx";
    let listed = crate::checkout::run(
        crate::checkout::program("sh", repository.home())
            .current_dir(repository.work())
            .args(["-c", script]),
    );
    let mut depths: Vec<u32> = listed
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .collect::<Vec<_>>()
                .get(5)?
                .parse()
                .ok()
        })
        .collect();
    depths.sort_unstable();
    depths
}

#[test]
fn files_that_are_stored_whole_are_streamed() {
    let repository = GitRepository::with_files();
    let content = noise(1, 9 << 20);
    repository.write("large", &content);
    repository.commit("large");
    assert!(streamed(&repository, "large") == content);
    repository.git(&["repack", "-q", "-a", "-d"]);
    assert!(streamed(&repository, "large") == content);
}

#[test]
fn a_large_file_that_is_not_what_its_name_says_is_refused() {
    let repository = GitRepository::with_files();
    let mut content = noise(1, 9 << 20);
    repository.write("large", &content);
    repository.commit("large");
    // Another blob in its place, whole and without damage.
    content.rotate_left(8);
    repository.write("other", &content);
    let other = repository.git(&["hash-object", "-w", "other"]);
    let large = repository.git(&["rev-parse", "HEAD:large"]);
    std::fs::remove_file(repository.object(&large)).unwrap();
    std::fs::copy(repository.object(&other), repository.object(&large)).unwrap();
    let checkout = open_revision(&repository.work(), "HEAD").unwrap();
    let is_it = |tracked: &Tracked| tracked.path == b"large";
    let position = checkout.tracked().iter().position(is_it).unwrap();
    let error = checkout.read(position, 1 << 30).unwrap_err().to_string();
    assert!(error.contains(&large) && error.contains(&other), "{error}");
}

#[test]
fn files_that_are_stored_as_chains_of_deltas_are_streamed() {
    let repository = GitRepository::with_files();
    repository.git(&["config", "core.compression", "0"]);
    let mut content = noise(1, 9 << 20);
    let mut versions = Vec::new();
    for version in 0..5_usize {
        // Something inserted, something removed, something moved, and all that a copy can be.
        content.splice(version * 1000..version * 1000, noise(1, 300 + version));
        content.drain(5_000_000..5_000_100);
        content.rotate_left(70_000);
        let name = format!("large-{version}");
        repository.write(&name, &content);
        versions.push((name, content.clone()));
    }
    // Its base is large, though it is not.
    repository.write("part", &versions[0].1[..4 << 20]);
    repository.commit("versions");
    // Bases are named by their place in the pack, or by their ids.
    for by_place in ["true", "false"] {
        let setting = format!("repack.useDeltaBaseOffset={by_place}");
        let arguments = ["-c", &setting];
        let repack = [
            "repack",
            "-q",
            "-a",
            "-d",
            "-f",
            "--window-memory=300m",
            "--depth=10",
        ];
        repository.git(&[&arguments[..], &repack].concat());
        assert!(*depths(&repository).last().unwrap() >= 2);
        for (name, content) in &versions {
            assert!(streamed(&repository, name) == *content, "{name}");
        }
    }
    let checkout = open_revision(&repository.work(), "HEAD").unwrap();
    let part = checkout
        .tracked()
        .iter()
        .position(|tracked| tracked.path == b"part");
    assert!(checkout.read(part.unwrap(), 1 << 30).unwrap() == versions[0].1[..4 << 20]);
}
