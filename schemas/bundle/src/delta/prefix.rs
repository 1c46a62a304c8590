//! zstd frames whose dictionary is content that both sides have (libzstd's `refPrefix`).

use std::io;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound, get_error_name};

use crate::frame::{self, FrameError};

/// What libzstd accepts as the logarithm of a window, and what a reader on 32 bits can have.
const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 10..=30;

/// The level of everything. For 512 KiB of text with as much dictionary: 6 ms and 130 bytes where a
/// line changed, 30 ms where all of it is new, and then fewer bytes than a frame of the bundle has.
const LEVEL: i32 = 7;

/// Compresses `content` into one frame that needs `dictionary` to be read, with a window over both.
pub(super) fn compress(content: &[u8], dictionary: &[u8]) -> io::Result<Vec<u8>> {
    let reach = (content.len() + dictionary.len()).max(1);
    let window = reach.next_power_of_two().ilog2();
    let window = window.clamp(*WINDOW_LOGS.start(), *WINDOW_LOGS.end());
    let mut zstd = CCtx::create();
    let mut compressed = Vec::with_capacity(compress_bound(content.len()));
    zstd
        .set_parameter(CParameter::CompressionLevel(LEVEL))
        .and_then(|_| zstd.set_parameter(CParameter::WindowLog(window)))
        // Finds what is the same over all of the dictionary, of which the tables of a level may
        // hold only the last part.
        .and_then(|_| zstd.set_parameter(CParameter::EnableLongDistanceMatching(true)))
        .and_then(|_| zstd.ref_prefix(dictionary))
        .and_then(|_| zstd.compress2(&mut compressed, content))
        .map_err(named)?;
    Ok(compressed)
}

/// Decompresses one frame of exactly `size` bytes of content, which the caller has bounded. A frame
/// says its content size and has neither checksum nor id of a dictionary, as all of ours.
pub(super) fn decompress(
    compressed: &[u8],
    dictionary: &[u8],
    size: u64,
) -> Result<Vec<u8>, FrameError> {
    frame::check_form(compressed, size)?;
    let capacity = usize::try_from(size).map_err(|_| FrameError::Form)?;
    let mut zstd = DCtx::create();
    let mut content = Vec::with_capacity(capacity);
    // In one call, so libzstd writes into `content` alone and needs no window of its own.
    zstd.ref_prefix(dictionary)
        .and_then(|_| zstd.decompress(&mut content, compressed))
        .map_err(|code| FrameError::Decompress(named(code)))?;
    if content.len() == capacity {
        Ok(content)
    } else {
        Err(FrameError::Size {
            expected: size,
            found: content.len() as u64,
        })
    }
}

fn named(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}
