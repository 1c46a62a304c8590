//! A proxy program for `git://`.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::program;

#[test]
fn no_proxy_program_of_a_checkout_runs() {
    let canary = Canary::new();
    let repository = git_repository("git://127.0.0.1:1/x");
    repository.git(&["config", "core.gitProxy", &canary.command()]);
    canary.assert_heard(
        program("git", repository.home())
            .current_dir(repository.work())
            .args(["ls-remote", "origin"]),
    );
    assert_silent(&repository.work(), repository.home(), &canary);
}
