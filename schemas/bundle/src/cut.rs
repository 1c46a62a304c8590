//! Where a stream is cut into frames: `FastCDC`, 2020 version, normalisation level 1, no seed.
//!
//! A cut depends only on the bytes since the cut before, so an insertion moves the cuts around it
//! and no others. Tables and rule are those of the crate `fastcdc` in exactly the version that
//! the workspace names; the golden vectors in `tests/golden.rs` hold them.

use fastcdc::v2020::{self, Normalization};

/// The rule cuts before a byte because of that byte, and looks at bytes in pairs: a cut is known
/// once this many bytes behind it are.
pub(crate) const LOOK_AHEAD: usize = 2;

/// The sizes of the pieces of one kind of stream, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// The smallest piece; only the last may be smaller.
    pub(crate) minimum: usize,
    pub(crate) average: usize,
    /// The largest piece.
    pub(crate) maximum: usize,
}

/// The payload: large enough to compress well, small enough that a one-line change is cheap.
pub(crate) const PAYLOAD: Sizes = Sizes {
    minimum: 128 * 1024,
    average: 512 * 1024,
    maximum: 2 * 1024 * 1024,
};

/// The index, which is nearly all digests and compresses badly at any size.
pub(crate) const INDEX: Sizes = Sizes {
    minimum: 8 * 1024,
    average: 32 * 1024,
    maximum: 128 * 1024,
};

impl Sizes {
    /// Returns how many bytes nearly always show where the first piece ends.
    pub(crate) const fn first_look(&self) -> usize {
        self.average + self.average / 2
    }

    /// Returns the length of the first piece if `bytes`, at least [`Self::first_look`] of them, show
    /// it; else they must reach to the end of the stream, or be at least `maximum` long.
    pub(crate) fn cut_within(&self, bytes: &[u8]) -> Option<usize> {
        let seen = &bytes[..bytes.len().min(self.maximum)];
        let len = self.cut(seen);
        // A cut at the end of what was seen may only be the end of what was seen.
        (len < seen.len() || len == self.maximum).then_some(len)
    }

    /// Returns the length of the first piece. `bytes` must reach to the end of the stream, or be
    /// at least `maximum` long.
    pub(crate) fn cut(&self, bytes: &[u8]) -> usize {
        let (mask_small, mask_large) = v2020::select_masks(self.average, Normalization::Level1);
        v2020::cut(
            bytes,
            self.minimum,
            self.average,
            self.maximum,
            mask_small,
            mask_large,
            mask_small << 1,
            mask_large << 1,
        )
        .1
    }
}
