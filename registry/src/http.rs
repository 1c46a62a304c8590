//! The HTTP interface. Status codes and what a client reads of a failure are decided here and
//! nowhere else.

mod access;
mod address;
mod answer;
mod api;
mod body;
mod bounded;
mod caller;
mod client;
mod content;
mod cosignatures;
mod download;
mod extract;
mod framing;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod health;
mod interface;
mod log;
mod metrics;
mod mirror;
mod oci;
mod problem;
mod range;
mod route;
mod router;
mod slashes;
mod verified;
mod watch;

pub(crate) use access::unreadable;
pub(crate) use client::Client;
pub(crate) use framing::{TwoHosts, TwoLengths};
pub(crate) use interface::Interface;
