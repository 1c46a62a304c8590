//! A program in the place of `ssh`.

use super::Trap;

#[test]
fn no_ssh_command_of_a_checkout_runs() {
    for url in ["ssh://127.0.0.1/x", "git@127.0.0.1:x"] {
        let trap = Trap::new(url);
        trap.configure("core.sshCommand", "CANARY");
        trap.configure("ssh.variant", "simple");
        trap.assert_sprung_by(&["ls-remote", "origin"]);
        trap.assert_silent();
    }
}
