//! A witness: says, with a key of its own and the time, which history of a log it knows. It cosigns no
//! two trees of one size, and none that does not go on from the one before.
//!
//! ```text
//! registry ─▶ checkpoints ─▶ the whole log replayed, through what was cosigned before
//!                           ─▶ remembered, durably ─▶ cosigned ─▶ registry
//! ```
//!
//! What it must not forget is one file: the largest checkpoint that it cosigned, as the log signed it.

mod asked;
mod error;
mod memory;
mod replaying;
mod server;

pub use asked::NotCosigned;
pub use error::WitnessError;
pub use memory::Memory;
pub use replaying::{Beginning, Cosigned, Looked, Witness};
pub use server::serve;
