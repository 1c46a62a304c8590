//! A proxy program for `git://`.

use super::Trap;

#[test]
fn no_proxy_program_of_a_checkout_runs() {
    let trap = Trap::new("git://127.0.0.1:1/x");
    trap.configure("core.gitProxy", "CANARY");
    trap.assert_sprung_by(&["ls-remote", "origin"]);
    trap.assert_silent();
}
