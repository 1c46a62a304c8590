//! The index of a bundle, put together from frames on this disk and frames from the registry.

use std::collections::HashMap;

use bulla_bundle::{Frame, VerifiedParts};
use bulla_registry_client::plan::{self, Plan};
use bulla_registry_client::{Client, Ranged};
use bulla_schemas::Digest;

use crate::fetch::error::FetchError;
use crate::site::Site;
use crate::state::bundles;

/// Bytes between two missing frames that are fetched too: cheaper than another request.
const GAP: u64 = 32 * 1024;

/// Fetches what is missing and returns the index, uncompressed and not yet checked as a whole.
pub(super) async fn pull(
    site: &Site,
    client: &Client,
    parts: &VerifiedParts,
    known: &[Digest],
) -> Result<Vec<u8>, FetchError> {
    let project = site.project();
    let frames = parts.index_frames();
    let mut contents = reuse(site, frames, known);
    let blob = parts.manifest().index();
    let missing = (0..frames.len())
        .filter(|position| contents[*position].is_none())
        .map(|position| frames[position].span());
    match plan::plan(missing, blob.size, GAP) {
        Plan::Whole => Ok(parts.decode_index(&client.blob(project, blob).await?)?),
        Plan::Runs(runs) => {
            for run in runs {
                let bytes = match client.blob_range(project, blob, run.clone()).await? {
                    Ranged::Part(stream) => stream.read_to_end().await?,
                    Ranged::Whole(stream) => {
                        return Ok(parts.decode_index(&stream.read_to_end().await?)?);
                    }
                };
                parts.decode_index_run(&run, &bytes, &mut contents)?;
            }
            Ok(contents.into_iter().flatten().flatten().collect())
        }
    }
}

/// Finds frames in the indexes on this disk. Whatever is wrong with one of those, its frames are
/// fetched instead.
fn reuse(site: &Site, frames: &[Frame], known: &[Digest]) -> Vec<Option<Vec<u8>>> {
    let wanted: HashMap<Digest, usize> = frames
        .iter()
        .enumerate()
        .map(|(position, frame)| (frame.record.digest, position))
        .collect();
    let mut contents = vec![None; frames.len()];
    for hash in known {
        let Ok(Some((parts, index))) = bundles::read_unchecked(site, hash) else {
            continue;
        };
        for frame in parts.index_frames() {
            let Some(position) = wanted.get(&frame.record.digest) else {
                continue;
            };
            let content = frame.content_in(&index);
            if contents[*position].is_none()
                && let Some(content) = content
                && Digest::of(content) == frame.record.digest
            {
                contents[*position] = Some(content.to_vec());
            }
        }
    }
    contents
}
