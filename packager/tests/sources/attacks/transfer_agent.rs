//! A program that transfers files of Git LFS.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::program;

#[test]
fn no_transfer_agent_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("https://127.0.0.1:1/x");
    repository.git(&["config", "lfs.standalonetransferagent", "own"]);
    repository.git(&["config", "lfs.customtransfer.own.path", &canary.command()]);
    repository.git(&["config", "lfs.customtransfer.own.concurrent", "false"]);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .args(["lfs", "fetch", "origin", "HEAD"]),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
