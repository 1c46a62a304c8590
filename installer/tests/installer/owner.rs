//! An installer that is not root.

use crate::nobody;
use crate::world::{INSTALL, small_tree};

#[test]
fn an_ordinary_user_installs_updates_rolls_back_and_collects() {
    let Some(mut world) = nobody::world() else {
        return;
    };
    let mut hashes = Vec::new();
    for version in ["0\n", "1\n", "2\n", "3\n"] {
        hashes.push(world.release(&small_tree(version)));
        nobody::run(&world, &INSTALL);
        assert_eq!(world.live(), hashes.last().copied());
    }
    assert!(!world.tree(&hashes[0]).exists() && !world.tree(&hashes[1]).exists());
    for command in ["verify", "rollback", "verify"] {
        nobody::run(&world, &[command, "acme/billing"]);
    }
    assert_eq!(world.live(), Some(hashes[2]));
}
