//! The frames that recipes name, pack by pack.

use std::collections::BTreeMap;

use bulla_files::FileError;

use crate::frames::{PackId, Placed};
use crate::oci::digest::OciDigest;
use crate::store::blobs::BlobStore;

/// Most frames that are in memory at once, some 100 bytes each: beyond that, the recipes are read
/// once more for the packs that are left.
const MOST_FRAMES: usize = 1 << 20;

/// The frames of the packs that are looked at in one pass, by where they begin.
type Window = BTreeMap<PackId, BTreeMap<u64, Vec<Placed>>>;

/// Calls `visit` once for each pack in which the recipes of some content have frames, with these
/// frames, each once, in the order in which they lie there.
pub(super) fn by_pack<E: From<FileError>>(
    blobs: &BlobStore,
    content: &[OciDigest],
    visit: &mut dyn FnMut(PackId, Vec<Placed>) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = None;
    loop {
        let (window, rest) = window(blobs, content, next)?;
        for (pack, frames) in window {
            visit(pack, frames.into_values().flatten().collect())?;
        }
        if rest.is_none() {
            return Ok(());
        }
        next = rest;
    }
}

/// Collects the frames of as many packs from `first` on as may be in memory, and returns the first
/// pack that is left.
fn window(
    blobs: &BlobStore,
    content: &[OciDigest],
    first: Option<PackId>,
) -> Result<(Window, Option<PackId>), FileError> {
    let mut window = Window::new();
    let mut count = 0;
    let mut rest = None;
    for digest in content {
        let Some(recipe) = blobs.recipe(digest)? else {
            continue;
        };
        for placed in recipe.frames() {
            let pack = placed.place.pack;
            if first.is_some_and(|first| pack < first) || rest.is_some_and(|rest| pack >= rest) {
                continue;
            }
            let frames = window.entry(pack).or_default();
            let frames = frames.entry(placed.place.offset).or_default();
            if !frames.contains(placed) {
                frames.push(*placed);
                count += 1;
            }
            while count > MOST_FRAMES && window.len() > 1 {
                if let Some((last, frames)) = window.pop_last() {
                    count -= frames.values().map(Vec::len).sum::<usize>();
                    rest = Some(last);
                }
            }
        }
    }
    Ok((window, rest))
}
