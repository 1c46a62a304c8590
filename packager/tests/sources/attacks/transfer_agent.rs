//! A program that transfers files of Git LFS.

use super::Trap;

#[test]
fn no_transfer_agent_of_a_checkout_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    trap.configure("lfs.standalonetransferagent", "own");
    trap.configure("lfs.customtransfer.own.path", "CANARY");
    trap.configure("lfs.customtransfer.own.concurrent", "false");
    trap.assert_sprung_by(&["lfs", "fetch", "origin", "HEAD"]);
    trap.assert_silent();
}
