//! Checkouts made by the real `git` and `svn` programs, read as releases are.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod attacks;
mod build;
mod cache;
mod checkout;
mod git;
mod pack;
mod program;
mod random;
mod recipe;
mod select;
mod svn;
