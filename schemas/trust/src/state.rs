//! What a log says: the policy, the head of every channel, every release and revocation, and the
//! Merkle root at every size.
//!
//! A state is only changed by `replay`. A copy is cheap however long the log is, and so is the first
//! change after it: what did not change is shared.

mod codec;
mod effect;
mod entries;
mod list;
mod log_state;
mod map;
mod moves;
mod roots;
mod snapshot;
mod summary;

pub(crate) use effect::Effect;
pub use entries::{Head, PolicyVersion, Promotion, Release, ReleaseRecord, Revocation, Rollout};
pub use log_state::LogState;
pub use moves::Moves;
pub use snapshot::SnapshotError;
