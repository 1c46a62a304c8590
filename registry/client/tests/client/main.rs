//! The client against registries, and what stands before them, that are odd, broken or hostile.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod delta;
mod download;
mod follow;
mod frames;
mod hosts;
mod patience;
mod proposals;
mod refusal;
mod server;
mod upload;
mod waiting;
mod watch;
