//! A program in the place of `ssh`.

use super::{Canary, assert_silent, git_repository};
use crate::checkout::program;

#[test]
fn no_ssh_command_of_a_checkout_runs() {
    for url in ["ssh://127.0.0.1/x", "git@127.0.0.1:x"] {
        let canary = Canary::new();
        let repository = git_repository(url);
        repository.git(&["config", "core.sshCommand", &canary.command()]);
        repository.git(&["config", "ssh.variant", "simple"]);
        canary.assert_heard(
            program("git", repository.home())
                .current_dir(repository.work())
                .args(["ls-remote", "origin"]),
        );
        assert_silent(&repository.work(), repository.home(), &canary);
    }
}
