//! A program that serves a repository on this machine.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::{GitRepository, program};

#[test]
fn no_upload_pack_of_a_checkout_runs() {
    let canary = Canary::new();
    let other = GitRepository::with_files();
    let repository = git_repository(other.work().to_str().unwrap());
    repository.git(&["config", "remote.origin.uploadpack", &canary.command()]);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .args(["ls-remote", "origin"]),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
