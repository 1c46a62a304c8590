//! `LogFollower`: a directory that remembers the verified log of one registry.
//!
//! ```text
//! DIRECTORY/
//!   lock            held while the log is being synchronised
//!   registry.json   which log is followed, from where, since which anchor
//!   checkpoint      the newest accepted checkpoint, a signed note: evidence for people
//!   state           what the log says, replayed; the only file that decides
//!   fork-...        two signed checkpoints that cannot both be true, where a registry showed such
//! ```
//!
//! Whatever is fetched goes through `bulla_trust::Acceptance` and is written durably before anything
//! is done that it decides. A log that shrank, forked, changed its name or is signed by another key leaves the
//! directory as it was.
//!
//! A log is read up to what as many witnesses cosigned as its policy asks for, or, for people, up to
//! its newest checkpoint ([`Reach`]).
//!
//! Where a file is lost or damaged, what is left still counts: a log that does not continue it is
//! refused ([`LogFollower::reopen`], [`LogFollower::enroll`]).

mod copy;
mod directory;
mod entries;
mod error;
mod evidence;
mod follower;
mod reader;
mod snapshot;

pub use copy::CopiedLog;
pub use directory::{LogDirectory, Reach};
pub use error::FollowError;
pub use evidence::{fork_findings, fork_name};
pub use follower::{LogFollower, Unsaved, fetch_growth, fetch_unverified, judge_newest};
pub use reader::LogReader;
pub use snapshot::LogSnapshot;
