//! A world for the system tests: a temporary directory with keys, a registry that serves from it,
//! repositories to publish from and servers to install on.
//!
//! ```text
//! WORLD/
//!   people/             alice, bob: SSH keys made with ssh-keygen
//!   ci.pem, ci.pem.pub  the builder's key
//!   registry/           the registry's data directory
//!   home/               HOME of everything that runs here, empty at first
//!   servers/<name>/     srv/ and state/ of one server
//! ```
//!
//! The programs are the real ones and run as their own processes with an environment of their
//! own. A step that the test takes for granted panics with the whole transcript when it fails.
#![expect(
    clippy::missing_panics_doc,
    reason = "whatever goes wrong here fails the test that asked for it"
)]

pub mod agent;
pub mod chaos_proxy;
pub mod container;
pub mod disk;
pub mod keys;
pub mod load;
pub mod meter;
pub mod programs;
pub mod registry;
pub mod repositories;
pub mod request_log;
pub mod server;
pub mod ssh_agent;
pub mod terminal;
pub mod transcript;
pub mod tree;
pub mod world;

pub use agent::Agent;
pub use chaos_proxy::{ChaosProxy, Direction, Fault};
pub use container::Container;
pub use disk::{Disk, FailingDisk, FileSystem, Mount};
pub use keys::Person;
pub use meter::{Meter, Metered};
pub use programs::Program;
pub use registry::Registry;
pub use repositories::{GitCheckout, SvnCheckout, write};
pub use request_log::{Request, RequestLog};
pub use server::Server;
pub use ssh_agent::{SoftwareToken, SshAgent};
pub use terminal::on_terminal;
pub use transcript::Transcript;
pub use tree::{Node, Tree, make_removable};
pub use world::World;

/// Says aloud that a test, or a part of one, is left out and why.
///
/// Writes to stderr itself, since the test runner keeps what `eprintln!` says of a passed test.
pub fn skip(why: &str) {
    use std::io::Write as _;
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skip: {why}");
}
