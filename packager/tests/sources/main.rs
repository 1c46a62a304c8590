//! Checkouts made by the real `git` and `svn` programs, read as releases are.

mod checkout;
mod git;
mod recipe;
mod select;
