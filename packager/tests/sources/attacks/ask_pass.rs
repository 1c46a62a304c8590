//! A program that asks for a password, and a server that wants one.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::{GitRepository, program};
use crate::git::server::GitServer;

#[test]
fn no_program_of_a_checkout_asks_for_a_password() {
    let canary = Canary::new();
    let library = GitRepository::with_files();
    let server = GitServer::start(&[("x", &library.work())], Some("ada:secret"));
    let url = format!("{}/x.git", server.url);
    let repository = git_repository(&url);
    repository.git(&["config", "core.askPass", &canary.command()]);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .args(["ls-remote", "origin"]),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
