//! What is attacked, and what stops it: rows of the table in `docs/trust.md` that only real programs
//! show. Here somebody has a copy of the registry with the log's key, or servers and people of their own.

mod fork;
mod snapshot;
mod swallowed;
