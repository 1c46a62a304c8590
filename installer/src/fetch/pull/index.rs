//! The index of a bundle, put together from frames on this disk, pieces of a delta and frames from
//! the registry.

use std::ops::Range;

use bulla_bundle::{PartialIndex, ReceivedPiece, VerifiedParts};
use bulla_registry_client::Client;
use bulla_schemas::Digest;

use super::base::Base;
use super::delta;
use crate::fetch::error::FetchError;
use crate::observer::Observer;
use crate::site::Site;
use crate::state::bundles;

/// So few bytes are fetched sooner than found on this disk.
const SMALL: u64 = 32 * 1024;

/// Fetches what is missing and returns the index, uncompressed and not yet checked as a whole.
/// Whatever is wrong with one of the `known` bundles on this disk, its frames are fetched instead.
/// `pieces` are those of a delta from `base`.
pub(super) async fn pull(
    site: &Site,
    client: &Client,
    parts: &VerifiedParts,
    (base, known): (Option<&Base<'_>>, &[Digest]),
    pieces: Option<&[ReceivedPiece]>,
    observer: &dyn Observer,
) -> Result<Vec<u8>, FetchError> {
    let mut index = parts.partial_index();
    if let Some(base) = base {
        if pieces.is_some() || missing(&index) > SMALL {
            take(&mut index, base.parts(), || base.index());
        }
        decode(&mut index, base, pieces.unwrap_or_default(), observer);
    }
    let looked_into = base.map(Base::hash);
    for hash in known.iter().filter(|hash| Some(**hash) != looked_into) {
        if missing(&index) <= SMALL {
            break;
        }
        if let Ok(Some(other)) = bundles::read_parts(site, hash) {
            take(&mut index, &other, || bundles::read_index(site, hash).ok());
        }
    }
    let blob = parts.manifest().index();
    let missing: Vec<_> = index.missing().collect();
    let decode =
        |run: &Range<u64>, bytes: &[u8]| index.decode_run(run, bytes).map_err(FetchError::from);
    client
        .blob_parts(site.project(), blob, missing, decode)
        .await?;
    Ok(index.into_bytes())
}

/// Returns how many bytes are missing, compressed.
fn missing(index: &PartialIndex<'_>) -> u64 {
    index.missing().map(|span| span.end - span.start).sum()
}

/// Takes what another bundle has too. Its index is read only where that is something.
fn take<T: AsRef<[u8]>>(
    index: &mut PartialIndex<'_>,
    other: &VerifiedParts,
    content: impl FnOnce() -> Option<T>,
) {
    if index.misses_some_of(other.index_frames())
        && let Some(content) = content()
    {
        index.take_from(other.index_frames(), content.as_ref());
    }
}

/// Takes what the pieces of a delta hold. Where the older index is damaged, that is fetched.
fn decode(
    index: &mut PartialIndex<'_>,
    base: &Base<'_>,
    pieces: &[ReceivedPiece],
    observer: &dyn Observer,
) {
    for received in pieces {
        let piece = received.piece();
        let Some(dictionary) = base.index_content(piece.from()) else {
            continue;
        };
        match received.decode(dictionary) {
            Ok(content) => index.add(piece.position(), &content),
            Err(error) => return delta::say(&error, observer),
        }
    }
}
