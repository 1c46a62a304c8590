//! The index of a bundle, put together from frames on this disk and frames from the registry.

use bulla_bundle::VerifiedParts;
use bulla_registry_client::plan::{self, Plan};
use bulla_registry_client::{Client, Ranged};
use bulla_schemas::Digest;

use crate::fetch::error::FetchError;
use crate::site::Site;
use crate::state::bundles;

/// Bytes between two missing frames that are fetched too: cheaper than another request.
const GAP: u64 = 32 * 1024;

/// Fetches what is missing and returns the index, uncompressed and not yet checked as a whole.
/// Whatever is wrong with one of the `known` bundles on this disk, its frames are fetched instead.
pub(super) async fn pull(
    site: &Site,
    client: &Client,
    parts: &VerifiedParts,
    known: &[Digest],
) -> Result<Vec<u8>, FetchError> {
    let project = site.project();
    let mut index = parts.partial_index();
    for hash in known {
        if let Ok(Some((other, content))) = bundles::read_unchecked(site, hash) {
            index.take_from(other.index_frames(), &content);
        }
    }
    let blob = parts.manifest().index();
    let whole = 0..blob.size;
    match plan::plan(index.missing(), blob.size, GAP) {
        Plan::Whole => index.decode_run(&whole, &client.blob(project, blob).await?)?,
        Plan::Runs(runs) => {
            for run in runs {
                match client.blob_range(project, blob, run.clone()).await? {
                    Ranged::Part(stream) => index.decode_run(&run, &stream.read_to_end().await?)?,
                    Ranged::Whole(stream) => {
                        index.decode_run(&whole, &stream.read_to_end().await?)?;
                        break;
                    }
                }
            }
        }
    }
    Ok(index.into_bytes())
}
