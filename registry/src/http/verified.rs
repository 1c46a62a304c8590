//! Content that is hashed while it is sent. Bytes that are not what the digest says are never sent
//! to the end: the connection breaks instead, and the content is taken out of the store.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};

use crate::blocking::blocking;
use crate::oci::digest::{Hasher, OciDigest};
use crate::store::blobs::BlobStore;

/// Passes on the `size` bytes of some content. The last of them come only when all have the digest.
pub(super) fn verified(
    stream: impl Stream<Item = io::Result<Bytes>>,
    size: u64,
    digest: OciDigest,
    blobs: BlobStore,
) -> impl Stream<Item = io::Result<Bytes>> {
    let mut hasher = Some(Hasher::new(digest.algorithm()));
    let mut left = size;
    stream.and_then(move |chunk| {
        left = left.saturating_sub(chunk.len() as u64);
        if let Some(hasher) = &mut hasher {
            hasher.update(&chunk);
        }
        let found = hasher.take_if(|_| left == 0).map(Hasher::finish);
        let (digest, blobs) = (digest.clone(), blobs.clone());
        async move {
            match found {
                Some(found) if found != digest => {
                    // It looks again at what is stored, for this may have been a bad read.
                    if let Err(error) = blocking(move || blobs.check(&digest)).await {
                        tracing::error!(%error, "damaged content stays where it is");
                    }
                    Err(io::ErrorKind::InvalidData.into())
                }
                _ => Ok(chunk),
            }
        }
    })
}
