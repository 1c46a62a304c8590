//! The index of a bundle, put together from frames on this disk and frames from the registry.

use std::ops::Range;

use bulla_bundle::VerifiedParts;
use bulla_registry_client::Client;
use bulla_schemas::Digest;

use crate::fetch::error::FetchError;
use crate::site::Site;
use crate::state::bundles;

/// So few bytes are fetched sooner than found on this disk.
const SMALL: u64 = 32 * 1024;

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
        if index
            .missing()
            .map(|span| span.end - span.start)
            .sum::<u64>()
            <= SMALL
        {
            break;
        }
        if let Ok(Some(other)) = bundles::read_parts(site, hash)
            && index.misses_some_of(other.index_frames())
            && let Ok(content) = bundles::read_index(site, hash)
        {
            index.take_from(other.index_frames(), &content);
        }
    }
    let blob = parts.manifest().index();
    let missing: Vec<_> = index.missing().collect();
    let decode =
        |run: &Range<u64>, bytes: &[u8]| index.decode_run(run, bytes).map_err(FetchError::from);
    client.blob_parts(project, blob, missing, decode).await?;
    Ok(index.into_bytes())
}
