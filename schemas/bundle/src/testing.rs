//! What only tests need: trees in memory, the parts of the golden vectors, and bundles that the
//! writer refuses to write. Only with the feature `testing`.

pub mod golden;
pub mod hostile;
mod memory;

pub use crate::delta::forge::{forge_delta, take_apart};
pub use memory::MemoryTree;
