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

/// What of a bundle is not in an earlier one, in bytes: what an update fetches without a delta.
pub(crate) struct Difference {
    payload: u64,
    index: u64,
    frame_table: u64,
    documents: u64,
    /// The whole payload.
    whole: u64,
}

impl Difference {
    /// Compares two bundle files.
    pub(crate) fn between(from: &Path, to: &Path) -> Self {
        let (from, to) = (read(from), read(to));
        let (from, to) = (from.bundle(), to.bundle());
        let manifest = to.manifest();
        Self {
            payload: new_bytes(from.payload_frames(), to.payload_frames()),
            index: new_bytes(from.index_frames(), to.index_frames()),
            frame_table: manifest.frames().size,
            documents: to.manifest_bytes().len() as u64 + manifest.config.size,
            whole: manifest.payload().size,
        }
    }

    /// Says what is new.
    pub(crate) fn summary(&self) -> String {
        format!(
            "new bytes: payload {}, index {}, frame table {}, documents {}",
            bytes(self.payload),
            bytes(self.index),
            bytes(self.frame_table),
            bytes(self.documents)
        )
    }

    /// Says what an update came to that fetched so many bytes.
    pub(crate) fn beside(&self, fetched: u64) -> String {
        let new = self.payload + self.index + self.frame_table + self.documents;
        format!(
            "{} fetched, {:.4} times what is new, {:.6} times the payload",
            bytes(fetched),
            float(fetched) / float(new),
            float(fetched) / float(self.whole),
        )
    }
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
