//! The HTTP interface. Status codes and what a client reads of a failure are decided here and
//! nowhere else.

mod answer;
mod api;
pub(crate) mod body;
mod caller;
mod content;
mod download;
mod extract;
mod health;
mod log;
mod oci;
pub(crate) mod problem;
mod range;
mod router;

pub use router::router;
