//! The interface over objects in memory: what stands on objects needs none of their files.
//!
//! These are the tests of `main.rs` but for those that start the program, which has no objects in
//! memory, and those that look for content in the data directory, damage it there or fill its disk:
//! `access`, `backup`, `beginning`, `checklist`, `damage`, `drain`, `du`, `flood`, `frames/crash`, `frames/damage`,
//! `fsck`, `full_disk`, `gc`, `hosts/program`, `keeping`, `metrics`, `openapi` and `wrong_types`. The few of that
//! kind in other files begin with `Registry::start_over_files`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "some helps tests over files only")]

mod admission;
mod api;
mod blobs;
mod connections;
mod delta;
mod disk;
mod frames;
mod hosts;
mod http2;
mod invalid_manifests;
mod log;
mod manifests;
mod mutable;
mod pressure;
mod program;
mod referrers;
mod skopeo;
mod support;
mod tls;
mod tokens;
mod uploads;
mod watch;

const OBJECTS: fn() -> Option<bulla_registry::testing::MemoryObjects> =
    || Some(bulla_registry::testing::MemoryObjects::default());
