//! Another registry's content and log, verified and stored here.
//!
//! ```text
//! origin: checkpoint, entries ─▶ judged as a client does, kept aside
//!         manifests, blobs ────▶ hashed, admitted, stored as their pushes would be
//!         ─▶ entries, and last the origin's checkpoint: what it names and could
//!            be had is here then
//! ```
//!
//! What the origin does not have, or gives other bytes for, is left out and named; it holds back
//! neither the log nor anything else. Nothing is ever removed because the origin does not show it.

mod content;
mod error;
mod frames;
mod project;
mod round;
mod source;

pub(crate) use content::Look;
pub(crate) use error::Failure;
pub use error::MirrorError;
pub(crate) use project::Memory;
pub(crate) use round::Round;
pub(crate) use source::Source;
