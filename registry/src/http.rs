//! The HTTP interface. Status codes and what a client reads of a failure are decided here and
//! nowhere else.

mod answer;
mod api;
mod body;
mod bounded;
mod caller;
mod content;
mod download;
mod extract;
mod framing;
mod health;
mod log;
mod oci;
mod problem;
mod range;
mod router;
mod slashes;
mod verified;
mod watch;

pub(crate) use framing::TwoLengths;
pub(crate) use router::router;
