//! Who hears what happens meanwhile.

use bulla_bundle::Progress;

/// Hears what happens meanwhile, in sentences and in bytes.
pub trait Observer: Progress {
    /// Something that a person should know and that stops nothing.
    fn note(&self, sentence: &str);
}

/// Hears nothing.
pub(crate) struct Silent;

impl Progress for Silent {}

impl Observer for Silent {
    fn note(&self, _: &str) {}
}
