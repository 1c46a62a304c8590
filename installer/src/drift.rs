//! What people and programs changed in a tree: how it is found, and where it is kept.

mod error;
pub(crate) mod examine;
pub(crate) mod set_aside;

pub use error::DriftError;
pub use set_aside::SetAside;
