//! `bulla diff --patch` fetches the frames that hold the files in the patch, and no others.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use bulla_bundle::{BundleFile, Limits, read_bundle_file};
use bulla_schemas::index::EntryKind;
use bulla_tests::{GitCheckout, RequestLog, Transcript, World, write};

const PROJECT: &str = "acme/billing";

#[test]
fn only_the_frames_of_changed_files_are_fetched() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    write_volumes(&checkout.path, "one");
    checkout.commit("one");
    let (first, before) = publish(&world, &checkout, "before.bulla");
    write_volumes(&checkout.path, "two");
    checkout.commit("two");
    let (second, after) = publish(&world, &checkout, "after.bulla");

    let log = RequestLog::before(world.registry.address());
    let diff = |arguments: &[&str]| {
        log.clear();
        Transcript::of(
            world
                .bulla_command()
                .args(["diff", &first, &second, "--project", PROJECT])
                .args(arguments)
                .env("BULLA_REGISTRY", log.url()),
        )
        .done()
    };
    let patch = diff(&["--patch"]);
    assert_eq!(patch.stdout.matches("\ndiff --git ").count(), 1, "{patch}");
    let changed = ["volumes/04.txt", "volumes/11.txt"];
    for bundle in [&before, &after] {
        assert_eq!(asked(&log, bundle), frames_of(bundle, &changed));
        assert!(asked_bytes(&log, bundle) < bundle.bundle().manifest().payload().size / 2);
    }
    // One of the two.
    diff(&["--patch", "volumes/11.txt"]);
    for bundle in [&before, &after] {
        assert_eq!(asked(&log, bundle), frames_of(bundle, &changed[1..]));
    }
    // A list needs none.
    diff(&[]);
    for bundle in [&before, &after] {
        assert_eq!(asked(&log, bundle), []);
    }
}

/// Sixteen texts, each larger than a frame usually is; two of them hold `word`.
fn write_volumes(root: &Path, word: &str) {
    for volume in 0..16_u64 {
        let mut noise = volume + 1;
        let mut text = String::new();
        while text.len() < 700_000 {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            writeln!(text, "{noise:016x}").unwrap();
        }
        if volume == 4 || volume == 11 {
            text.insert_str(350_013, &format!("\n{word}\n"));
        }
        write(root, &format!("volumes/{volume:02}.txt"), text);
    }
}

/// Publishes the checkout, and packs it once more to see what is in it.
fn publish(world: &World, checkout: &GitCheckout, file: &str) -> (String, BundleFile) {
    let hash = world.publish(&checkout.path);
    let path = checkout.path.to_str().unwrap();
    world.bulla(&["pack", path, "-o", file]).done();
    let file = File::open(world.path(file)).unwrap();
    let bundle = read_bundle_file(file, &Limits::default()).unwrap();
    assert_eq!(bundle.bundle().hash().to_string(), hash);
    (hash, bundle)
}

/// Returns the spans of the payload that hold these files, neighbours joined.
fn frames_of(file: &BundleFile, paths: &[&str]) -> Vec<(u64, u64)> {
    let bundle = file.bundle();
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for path in paths {
        let entries = bundle.entries();
        let position = entries
            .iter()
            .position(|entry| entry.path.as_str() == *path);
        let position = position.unwrap();
        assert!(matches!(entries[position].kind, EntryKind::File { .. }));
        for frame in bundle.frames_of(bundle.layout()[position].content.clone()) {
            let frame = &bundle.payload_frames()[frame];
            let (first, size) = (frame.compressed_offset, frame.record.compressed_size);
            match spans.last_mut() {
                Some((_, last)) if *last + 1 == first => *last += size,
                _ => spans.push((first, first + size - 1)),
            }
        }
    }
    spans
}

/// Returns the ranges of the payload that were asked for, sorted; the whole is one as well.
fn asked(log: &RequestLog, bundle: &BundleFile) -> Vec<(u64, u64)> {
    let payload = bundle.bundle().manifest().payload();
    let path = format!("GET /v2/{PROJECT}/blobs/{}", payload.digest);
    let requests = log.requests().into_iter();
    let mut ranges: Vec<_> = requests
        .filter(|request| request.line == path)
        .map(|request| request.range.unwrap_or((0, payload.size - 1)))
        .collect();
    ranges.sort_unstable();
    ranges
}

fn asked_bytes(log: &RequestLog, bundle: &BundleFile) -> u64 {
    let ranges = asked(log, bundle);
    ranges.iter().map(|(first, last)| last + 1 - first).sum()
}
