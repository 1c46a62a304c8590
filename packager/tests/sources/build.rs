//! Builds of revisions: each sentence of docs/builds.md, in each kind of sandbox.

mod attacks;
mod check;
mod ends;
mod export;
mod outputs;
mod place;
mod projects;
mod refusals;
mod reproduce;
mod support;
mod user;

pub(crate) use support::options;
