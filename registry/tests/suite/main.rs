//! The registry over real HTTP, on a free port of 127.0.0.1.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod admission;
mod api;
mod backup;
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
mod fsck;
mod full_disk;
mod gc;
mod hosts;
mod http2;
mod invalid_manifests;
mod keeping;
mod log;
mod manifests;
mod metrics;
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
mod wrong_types;
