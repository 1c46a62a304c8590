//! `Stamp`: by what it is told that an object is the same one.

use std::time::SystemTime;

/// What is another one once an object is: which file it is, how long, and when that last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) file: u64,
    pub(crate) size: u64,
    pub(crate) changed: SystemTime,
}
