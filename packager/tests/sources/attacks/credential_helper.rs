//! A helper that knows passwords, and a server that wants one.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::{GitRepository, program};
use crate::git::server::GitServer;

#[test]
fn no_credential_helper_of_a_checkout_runs() {
    let canary = Canary::new();
    let library = GitRepository::with_files();
    let server = GitServer::start(&[("x", &library.work())], Some("ada:secret"));
    let url = format!("{}/x.git", server.url);
    let repository = git_repository(&url);
    let command = format!("!{}", canary.command());
    repository.git(&["config", "credential.helper", &command]);
    let scoped = format!("credential.{}.helper", server.url);
    repository.git(&["config", &scoped, &command]);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(["ls-remote", "origin"]),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
