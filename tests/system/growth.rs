//! What a release costs that differs in one line from the one before: a delta to send, and its frames
//! to keep.

use std::fmt::Write as _;
use std::path::Path;

use bulla_tests::{GitCheckout, Transcript, World, write};

const PROJECT: &str = "acme/billing";

const VOLUMES: u32 = 24;
const VOLUME_SIZE: u32 = 700_000;
/// What a changed line may cost to send, with what earlier packs left: a delta, the manifest and what
/// the registry's answers need.
const MOST_OF_A_DELTA: f64 = 5_000.0;
/// What a changed line may cost otherwise: 5 % of the tree. It is two frames of one volume at the most, and the
/// index.
const MOST_OF_A_LINE: u32 = VOLUMES * VOLUME_SIZE / 20;

/// Texts, each larger than a frame usually is; one of them has `line`.
fn write_volumes(root: &Path, line: &str) {
    for volume in 0..VOLUMES {
        let mut noise = u64::from(volume) + 1;
        let mut text = String::new();
        while text.len() < VOLUME_SIZE as usize {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            writeln!(text, "{noise:016x}").unwrap();
        }
        if volume == 4 {
            text.insert_str(VOLUME_SIZE as usize / 2 + 13, &format!("\n{line}\n"));
        }
        write(root, &format!("volumes/{volume:02}.txt"), text);
    }
}

/// How many bytes the files below a folder have.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return bytes_in(&path);
        }
        path.metadata().unwrap().len()
    };
    entries.map(size).sum()
}

/// What the registry keeps of blobs.
fn kept(world: &World) -> u64 {
    let folders = ["blobs", "packs", "recipes"];
    let folders = folders.map(|folder| world.registry.data().join(folder));
    folders.iter().map(|folder| bytes_in(folder)).sum()
}

/// Publishes the checkout, and returns the bytes that were sent and by which the registry grew.
fn publish(world: &World, checkout: &mut GitCheckout, line: &str, options: &[&str]) -> (f64, u64) {
    write_volumes(&checkout.path, line);
    checkout.commit(line);
    let before = if line == "one" { 0 } else { kept(world) };
    let said = Transcript::of(world.publish_command(&checkout.path).args(options)).done();
    let (_, pushed) = said.stderr.split_once("pushed ").unwrap();
    let (sent, _) = pushed.split_once(',').unwrap();
    let (number, unit) = sent.split_once(' ').unwrap();
    let unit = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        _ => panic!("{unit}"),
    };
    (number.parse::<f64>().unwrap() * unit, kept(world) - before)
}

#[test]
fn a_release_that_differs_in_a_line_is_sent_as_a_delta_and_kept_as_its_frames() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let (all_sent, all_kept) = publish(&world, &mut checkout, "one", &[]);
    assert!(
        all_sent > 5e6 && all_kept > 5_000_000,
        "{all_sent} {all_kept}"
    );
    for line in ["two", "three"] {
        let (sent, grown) = publish(&world, &mut checkout, line, &[]);
        assert!(sent < MOST_OF_A_DELTA, "{sent}");
        assert!(grown < u64::from(MOST_OF_A_LINE), "{grown}");
    }
    // As on a machine that has never packed the project.
    let (sent, grown) = publish(&world, &mut checkout, "four", &["--fresh"]);
    assert!(sent > 1e5, "a frame at least: {sent}");
    assert!(sent < f64::from(MOST_OF_A_LINE), "{sent}");
    assert!(grown < u64::from(MOST_OF_A_LINE), "{grown}");
    // What the cache remembers is not the last one that was published.
    let (sent, _) = publish(&world, &mut checkout, "five", &[]);
    assert!(sent < MOST_OF_A_DELTA, "{sent}");
}
