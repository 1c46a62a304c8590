//! A helper that knows passwords, and a server that wants one.

use super::Trap;
use crate::checkout::GitRepository;
use crate::git::server::GitServer;

#[test]
fn no_credential_helper_of_a_checkout_runs() {
    let library = GitRepository::with_files();
    let server = GitServer::start(&[("x", &library.work())], Some("ada:secret"));
    let trap = Trap::new(&format!("{}/x.git", server.url));
    trap.configure("credential.helper", "!CANARY");
    trap.configure(&format!("credential.{}.helper", server.url), "!CANARY");
    trap.assert_sprung_by(&["ls-remote", "origin"]);
    trap.assert_silent();
}
