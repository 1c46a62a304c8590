//! Compares a tree with what it should be: in full, every content hashed against the signed
//! index, or quickly, every path looked at and compared with the installer's own record.

mod difference;
pub(crate) mod full;
pub(crate) mod quick;

pub use difference::{Difference, DifferenceKind};
