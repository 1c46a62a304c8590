//! A program that asks for a password, and a server that wants one.

use super::Trap;
use crate::checkout::GitRepository;
use crate::git::server::GitServer;

#[test]
fn no_program_of_a_checkout_asks_for_a_password() {
    let library = GitRepository::with_files();
    let server = GitServer::start(&[("x", &library.work())], Some("ada:secret"));
    let trap = Trap::new(&format!("{}/x.git", server.url));
    trap.configure("core.askPass", "CANARY");
    trap.assert_sprung_by(&["ls-remote", "origin"]);
    trap.assert_silent();
}
