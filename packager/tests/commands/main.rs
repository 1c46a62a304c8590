//! The program `bulla` as a person or a CI runs it, where no registry is needed.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod build;
mod diff;
mod keys;
mod pack;
mod program;
mod settings;
mod r#where;
