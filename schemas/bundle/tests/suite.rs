//! The tests of the bundle format that go through its public interface.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod bundle_file;
mod delta;
mod foreign;
mod golden;
mod history;
mod hostile;
mod older_tar;
mod refusals;
mod repack;
mod round_trip;
mod support;
