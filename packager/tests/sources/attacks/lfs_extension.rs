//! An extension of Git LFS.

use super::Trap;

#[test]
fn no_extension_of_git_lfs_runs() {
    let trap = Trap::new("https://127.0.0.1:1/x");
    trap.configure("lfs.extension.own.clean", "CANARY");
    trap.configure("lfs.extension.own.smudge", "CANARY");
    trap.configure("lfs.extension.own.priority", "0");
    trap.configure("filter.lfs.clean", "git-lfs clean -- %f");
    trap.touch();
    trap.assert_silent();
}
