//! The registry over real HTTP, on a free port of 127.0.0.1.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod admission;
mod api;
mod backup;
mod beginning;
mod blobs;
mod checklist;
mod connections;
mod damage;
mod delta;
mod disk;
mod drain;
mod du;
mod flood;
mod frames;
#[path = "frames/crash.rs"]
mod frames_crash;
#[path = "frames/damage.rs"]
mod frames_damage;
mod fsck;
mod full_disk;
mod gc;
mod hosts;
#[path = "hosts/program.rs"]
mod hosts_program;
mod http2;
mod invalid_manifests;
mod keeping;
mod log;
mod manifests;
mod metrics;
mod mirror;
mod mutable;
mod openapi;
mod pressure;
mod program;
mod proposals;
mod referrers;
mod skopeo;
mod support;
mod tls;
mod tokens;
mod uploads;
mod watch;
mod wrong_types;

/// Objects are files here, and in memory in `over_memory.rs`.
const OBJECTS: fn() -> Option<bulla_registry::testing::MemoryObjects> = || None;
