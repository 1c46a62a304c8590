//! The installer against a registry that serves what a test wants: a real log, real bundles, real
//! files and, where it matters, real processes that die.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and skips aloud"
)]

mod command_line;
mod concurrency;
#[cfg(feature = "failpoints")]
mod crash;
mod damaged;
mod delta;
mod disk;
mod enroll;
mod exchange;
mod folders;
mod garbage;
mod hand_edits;
mod health;
mod hold;
mod hooks;
mod host;
mod host_file;
mod host_log;
mod host_newest;
mod host_policy;
mod host_slow;
mod hostile;
mod in_use;
mod install;
mod intact;
mod load_balancer;
mod local_content;
mod lost_memory;
mod meanwhile;
mod newer_state;
mod nobody;
mod obstacles;
mod owner;
mod persist;
mod policy;
mod pull;
mod quarantine;
mod recycle;
mod registry;
mod rollback;
mod socket;
mod touched;
mod unremovable;
mod verify;
mod waves;
mod witnesses;
mod world;
