//! The canonical tar: the one possible stream for a list of entries and their contents.
//!
//! ```text
//! entry    [extended header: 512 bytes + records, only where ustar cannot hold the value]
//!          header: 512 bytes of ustar
//!          content, filled up with zeros to 512 bytes
//! ...      every entry in the order of the index
//! end      1024 zeros, and nothing behind them
//! ```
//!
//! Every header follows from the entry's line in the index, so a header can hide nothing: the
//! installer never reads one, and [`TarCheck`] compares each byte with the byte that must stand
//! there. The crate `tar` writes and reads headers and records; which of its many forms is the one
//! is decided here. This module knows nothing of frames.

mod block;
mod check;
mod header;
mod layout;

pub(crate) use block::{BLOCK, END, padding};
pub use check::TarError;
pub(crate) use check::{TarCheck, check_header};
#[cfg(feature = "testing")]
pub(crate) use header::seal;
pub(crate) use header::{Header, differing_field};
pub use layout::TarSpan;
pub(crate) use layout::layout;
