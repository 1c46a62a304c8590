//! A program that serves a repository on this machine.

use super::Trap;
use crate::checkout::GitRepository;

#[test]
fn no_upload_pack_of_a_checkout_runs() {
    let other = GitRepository::with_files();
    let trap = Trap::new(other.work().to_str().unwrap());
    trap.configure("remote.origin.uploadpack", "CANARY");
    trap.assert_sprung_by(&["ls-remote", "origin"]);
    trap.assert_silent();
}
