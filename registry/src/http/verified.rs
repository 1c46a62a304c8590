//! Content that is hashed while it is sent. Bytes that are not what the digest says are never sent
//! to the end: the connection breaks instead, and the content is mended or taken out of the store.

use std::error::Error;
use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::runtime::Handle;

use crate::oci::digest::{Hasher, OciDigest};
use crate::publish::Mender;

/// Passes on the `size` bytes of some content. The last of them come only when all have the digest.
pub(super) fn verified(
    stream: impl Stream<Item = io::Result<Bytes>>,
    size: u64,
    digest: OciDigest,
    mender: Mender,
) -> impl Stream<Item = io::Result<Bytes>> {
    let mut hashing = Some(Hasher::new(digest.algorithm()));
    let mut left = size;
    let expected = digest.clone();
    let mut sent = Sent {
        digest: digest.clone(),
        mender: mender.clone(),
        size,
        bytes: 0,
    };
    let checked = stream.map(move |read| {
        let chunk = read?;
        let sent = &mut sent;
        sent.bytes += chunk.len() as u64;
        left = left.saturating_sub(chunk.len() as u64);
        if let Some(hasher) = &mut hashing {
            hasher.update(&chunk);
        }
        match hashing.take_if(|_| left == 0).map(Hasher::finish) {
            Some(found) if found != expected => Err(io::ErrorKind::InvalidData.into()),
            _ => Ok(chunk),
        }
    });
    readable(checked, digest, mender)
}

/// How much of some content was sent. A client that goes away before the end may have seen that a
/// frame is wrong, so what it got is looked at then: at the most as much work as sending it was.
struct Sent {
    digest: OciDigest,
    mender: Mender,
    size: u64,
    bytes: u64,
}

impl Drop for Sent {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.bytes == 0 || self.bytes >= self.size {
            return;
        }
        let (mender, digest) = (self.mender.clone(), self.digest.clone());
        let length = self.bytes;
        runtime.spawn(async move {
            if let Err(error) = mender.check_part(&digest, 0, length).await {
                let error: &(dyn Error + 'static) = &error;
                tracing::error!(error, "what was sent cannot be looked at");
            }
        });
    }
}

/// Passes on bytes of some content. When they cannot be read, it looks at all of what is stored.
pub(super) fn readable(
    stream: impl Stream<Item = io::Result<Bytes>>,
    digest: OciDigest,
    mender: Mender,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream.then(move |read| {
        let failed = read.is_err().then(|| (mender.clone(), digest.clone()));
        async move {
            if let Some((mender, digest)) = failed
                && let Err(error) = mender.check(&digest).await
            {
                let error: &(dyn Error + 'static) = &error;
                tracing::error!(error, "damaged content stays where it is");
            }
            read
        }
    })
}
