//! The frames of a payload as they arrive: downloaded into a file and announced by position, or
//! decoded already.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use bulla_bundle::Frame;

/// A frame that has arrived.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// The one at this position; its compressed bytes are in the spool.
    Spooled(usize),
    /// The one at this position; its content has the digest that the frame table names.
    Decoded(usize, Vec<u8>),
}

/// What has arrived of a payload. The file holds compressed frames at their offsets in the blob;
/// nothing in it is believed before its digest matched. Dropping it stops the download.
pub(crate) struct Frames {
    spool: Option<Arc<File>>,
    arrivals: Mutex<Receiver<Arrived>>,
}

/// What a look for the next frame finds.
pub(super) enum Next {
    Frame(Arrived),
    NotYet,
    End,
}

impl Frames {
    /// Takes the spool and the channel that announces frames.
    pub(crate) fn new(spool: Arc<File>, arrivals: Receiver<Arrived>) -> Self {
        Self {
            spool: Some(spool),
            arrivals: Mutex::new(arrivals),
        }
    }

    /// No frames at all, for a tree that is made of what is on this disk.
    pub(crate) fn none() -> Self {
        let (_, arrivals) = mpsc::channel();
        Self {
            spool: None,
            arrivals: Mutex::new(arrivals),
        }
    }

    /// Returns a frame that has arrived, without waiting.
    pub(super) fn next_arrived(&self) -> Next {
        // Another thread that waits holds the lock: then nothing has arrived.
        let Ok(arrivals) = self.arrivals.try_lock() else {
            return Next::NotYet;
        };
        match arrivals.try_recv() {
            Ok(arrived) => Next::Frame(arrived),
            Err(TryRecvError::Empty) => Next::NotYet,
            Err(TryRecvError::Disconnected) => Next::End,
        }
    }

    /// Waits for the next frame; `None` after the last.
    pub(super) fn wait(&self) -> Option<Arrived> {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.recv().ok()
    }

    /// Reads a frame's compressed bytes.
    pub(super) fn read(&self, frame: &Frame, buffer: &mut Vec<u8>) -> io::Result<()> {
        let size = usize::try_from(frame.record.compressed_size).map_err(io::Error::other)?;
        buffer.resize(size, 0);
        self.spool
            .as_ref()
            .ok_or(io::ErrorKind::NotFound)?
            .read_exact_at(buffer, frame.compressed_offset)
    }
}
