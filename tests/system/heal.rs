//! Damage on the registry's disk: an install finds it, the same release is published or imported
//! again, and the next install has it.

use std::path::{Path, PathBuf};

use bulla_tests::{GitCheckout, Transcript, Tree, World};

const PROJECT: &str = "acme/billing";

/// A release of several frames on channel prod, and its hash.
fn released() -> (World, GitCheckout, String) {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
        .take(32 << 20)
        .collect();
    checkout.write("noise.bin", noise);
    checkout.commit("Bytes that cannot be compressed");
    let hash = world.release(&checkout.path, PROJECT);
    (world, checkout, hash)
}

fn packs(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.registry.data().join("packs")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    // So near the beginning that whoever notices goes away long before the end.
    let place = bytes.len() / 20;
    bytes[place] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn assert_installs(world: &World, checkout: &GitCheckout, name: &str) {
    let server = world.server(name);
    server.install(PROJECT, "prod").done();
    let tree = Tree::read(&checkout.path).without(".git");
    assert_eq!(server.live_tree(PROJECT), tree);
}

#[test]
fn a_release_whose_pack_was_damaged_is_published_again() {
    let (world, checkout, hash) = released();
    let [pack] = &packs(&world)[..] else {
        panic!("not one pack");
    };
    flip(pack);
    let first = world.server("first");
    assert_ne!(first.install(PROJECT, "prod").status, Some(0));
    assert_eq!(first.live(PROJECT), None);
    // Now it is known, also by whoever asks before a push.
    let publish = || Transcript::of(&mut world.publish_command(&checkout.path)).done();
    let published = publish();
    assert_eq!(published.last_line(), hash);
    assert!(!published.stderr.contains("pushed 0 B"), "{published}");
    assert_installs(&world, &checkout, "second");
    first.install(PROJECT, "prod").done();
    let again = publish();
    assert!(again.stderr.contains("pushed 0 B"), "{again}");
}

#[test]
fn a_release_whose_packs_are_gone_is_named_by_reindex_and_imported_again() {
    let (mut world, checkout, hash) = released();
    world.bulla(&["export", &hash, "-o", "kept.bulla"]).done();
    for pack in packs(&world) {
        std::fs::remove_file(pack).unwrap();
    }
    world.registry.stop();
    world
        .registry
        .reindex()
        .fails(1, &format!(" of {hash} is missing"));
    world.registry.start_again();
    assert_ne!(
        world.server("first").install(PROJECT, "prod").status,
        Some(0)
    );
    world.bulla(&["import", "kept.bulla"]).done();
    assert_installs(&world, &checkout, "second");
    world.registry.stop();
    world.registry.reindex().done();
}
