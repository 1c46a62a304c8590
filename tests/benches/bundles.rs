//! Bundle files: what they weigh, and what an update of one to the other has to bring.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use bulla_bundle::{BundleFile, Frame, Limits, read_bundle_file};
use bulla_tests::World;

/// Packs `checkout` into a file of the world.
pub(crate) fn pack(world: &World, checkout: &Path, name: &str) -> PathBuf {
    let file = world.path(name);
    let arguments = ["pack".as_ref(), "--output".as_ref(), file.as_os_str()];
    world
        .bulla(&[&arguments[..], &[checkout.as_os_str()]].concat())
        .done();
    file
}

/// Says what is in a bundle, and how large it is beside one solid stream.
pub(crate) fn summary(path: &Path, archive: u64) -> String {
    let file = read(path);
    let bundle = file.bundle();
    let release = bundle.release();
    let payload = bundle.manifest().payload().size;
    format!(
        "{} entries, tar {}, payload {} in {} frames, {:.2} times the archive's {}",
        bundle.entries().len(),
        bytes(release.tar),
        bytes(payload),
        bundle.payload_frames().len(),
        float(payload) / float(archive),
        bytes(archive),
    )
}

/// Says what of `to` is not in `from`.
pub(crate) fn difference(from: &Path, to: &Path) -> String {
    let (from, to) = (read(from), read(to));
    let payload = new_bytes(from.bundle().payload_frames(), to.bundle().payload_frames());
    let index = new_bytes(from.bundle().index_frames(), to.bundle().index_frames());
    let manifest = to.bundle().manifest();
    let documents = to.bundle().manifest_bytes().len() as u64 + manifest.config.size;
    format!(
        "new bytes: payload {}, index {}, frame table {}, documents {}",
        bytes(payload),
        bytes(index),
        bytes(manifest.frames().size),
        bytes(documents)
    )
}

fn read(path: &Path) -> BundleFile {
    let file = File::open(path).expect("a bundle file");
    read_bundle_file(file, &Limits::default()).expect("a bundle that was just packed")
}

fn new_bytes(from: &[Frame], to: &[Frame]) -> u64 {
    let known: HashSet<_> = from.iter().map(|frame| frame.record.digest).collect();
    to.iter()
        .filter(|frame| !known.contains(&frame.record.digest))
        .map(|frame| frame.record.compressed_size)
        .sum()
}

fn bytes(size: u64) -> String {
    if size < 1_000_000 {
        format!("{:.1} kB", float(size) / 1e3)
    } else {
        format!("{:.1} MB", float(size) / 1e6)
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
const fn float(size: u64) -> f64 {
    size as f64
}
