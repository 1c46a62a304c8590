//! A file as a stream that reads ahead: the next bytes come from the disk while a client takes those
//! before.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::blocking::joined;

/// Bytes that are read at once, and held while a client takes them.
const USUAL: usize = 64 * 1024;
/// The same, for as many streams as are fast enough for it to matter.
const LARGE: usize = 256 * 1024;
/// How many of the large ones are in memory at once, of all streams.
const MOST_LARGE: usize = 96;

/// What is left to be read.
struct Rest {
    file: Arc<File>,
    at: u64,
    left: u64,
    large: Arc<Semaphore>,
    next: Option<JoinHandle<io::Result<Bytes>>>,
}

/// Bytes of a file.
struct Read {
    bytes: Vec<u8>,
    _large: Option<OwnedSemaphorePermit>,
}

/// Reads `length` bytes from `first` on.
pub(super) fn stream(file: File, first: u64, length: u64) -> BoxStream<'static, io::Result<Bytes>> {
    static LARGE_ONES: std::sync::LazyLock<Arc<Semaphore>> =
        std::sync::LazyLock::new(|| Arc::new(Semaphore::new(MOST_LARGE)));
    let rest = Rest {
        file: Arc::new(file),
        at: first,
        left: length,
        large: Arc::clone(&LARGE_ONES),
        next: None,
    };
    stream::try_unfold(rest, Rest::go_on).boxed()
}

impl Rest {
    async fn go_on(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let next = self.next.take().or_else(|| self.read());
        let Some(next) = next else {
            return Ok(None);
        };
        let bytes = joined(next.await).await?;
        self.next = self.read();
        Ok(Some((bytes, self)))
    }

    /// Begins to read what comes next.
    fn read(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        if self.left == 0 {
            return None;
        }
        let large = Arc::clone(&self.large).try_acquire_owned().ok();
        let most = if large.is_some() { LARGE } else { USUAL };
        let size = usize::try_from(self.left).unwrap_or(usize::MAX).min(most);
        let (file, at) = (Arc::clone(&self.file), self.at);
        self.at += size as u64;
        self.left -= size as u64;
        Some(tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; size];
            // A file that has become shorter ends its stream with an error.
            file.read_exact_at(&mut bytes, at)?;
            Ok(Bytes::from_owner(Read {
                bytes,
                _large: large,
            }))
        }))
    }
}

impl AsRef<[u8]> for Read {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
