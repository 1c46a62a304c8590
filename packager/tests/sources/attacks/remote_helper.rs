//! Remotes that a program of another name serves.

use super::Trap;

#[test]
fn no_helper_for_a_remote_runs() {
    for (key, value) in [
        ("remote.origin.url", "ext::CANARY %S"),
        ("remote.origin.vcs", "own"),
        ("remote.origin.url", "own::x"),
        ("lfs.url", "ext::CANARY"),
        ("remote.origin.lfsurl", "own://x"),
        ("url.ext::CANARY .insteadOf", "https://"),
    ] {
        let trap = Trap::new("https://127.0.0.1:1/x");
        trap.canary.as_program("git-remote-own");
        trap.configure(key, value);
        trap.configure("protocol.allow", "always");
        if !key.contains("lfs") {
            trap.assert_sprung_by(&["ls-remote", "origin"]);
        }
        trap.assert_silent();
    }
}
