//! Going back, without a registry.

use bulla_installer::{ResolveError, RollbackError, Standing, status};
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::statement::Severity;

use crate::world::{World, request, small_tree};

fn world_with(versions: &[&str]) -> (World, Vec<bulla_schemas::Digest>) {
    let mut world = World::new();
    let mut hashes = Vec::new();
    for version in versions {
        hashes.push(world.release(&small_tree(version)));
        world.install().unwrap();
    }
    (world, hashes)
}

#[test]
fn goes_back_without_a_registry_and_holds_until_the_next_install() {
    let (world, hashes) = world_with(&["one", "two"]);
    world.registry.change(|served| served.down = true);
    let rolled_back = world.rollback(None).unwrap();
    assert_eq!((rolled_back.left, rolled_back.hash), (hashes[1], hashes[0]));
    assert_eq!(world.live(), Some(hashes[0]));
    world.assert_intact();
    let found = &status(&world.server(), Some(&world.project)).unwrap()[0];
    assert_eq!(found.standing, Standing::Held);
    assert_eq!(found.hold.as_ref().unwrap().left, hashes[1]);
    assert_eq!(found.head, Some(hashes[1]));

    world.registry.change(|served| served.down = false);
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert!(notes.contains("hold"), "{notes}");
    assert_eq!(world.live(), Some(hashes[1]));
    assert_eq!(status(&world.server(), None).unwrap()[0].hold, None);
}

#[test]
fn going_back_twice_goes_on_and_never_forward() {
    let (world, hashes) = world_with(&["one", "two", "three"]);
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(hashes[1]));
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(error, RollbackError::NothingBefore { .. }),
        "{error}"
    );
    assert_eq!(error.candidates().len(), 2);
    assert_eq!(world.live(), Some(hashes[0]));
}

#[test]
fn goes_to_the_release_that_was_named() {
    let (world, hashes) = world_with(&["one", "two", "three"]);
    world.rollback(Some(&hashes[0].hex()[..8])).unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    let error = world.rollback(Some("0123456789ab")).unwrap_err();
    assert!(matches!(error, RollbackError::NeverLive { .. }), "{error}");
    assert_eq!(error.candidates().len(), 2);
    let same = world.rollback(Some(&hashes[0].hex()[..8])).unwrap();
    assert_eq!(same.left, same.hash);
}

#[test]
fn refuses_a_revoked_release() {
    let (mut world, hashes) = world_with(&["one", "two"]);
    world
        .organisation
        .revoke(hashes[0], Severity::Block, "alice");
    world.serve_log();
    world.install().unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(error, RollbackError::Resolve(ResolveError::Revoked { .. })),
        "{error}"
    );
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(world.live(), Some(hashes[1]));
}

#[test]
fn refuses_a_tree_that_was_changed_or_is_gone() {
    let (world, hashes) = world_with(&["one", "two"]);
    let file = world.tree(&hashes[0]).join("version.txt");
    std::fs::write(&file, "edited").unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(&error, RollbackError::TreeChanged { paths, .. } if paths == &["version.txt"]),
        "{error}"
    );
    std::fs::remove_dir_all(world.tree(&hashes[0])).unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(matches!(error, RollbackError::TreeGone { .. }), "{error}");
    assert_eq!(world.live(), Some(hashes[1]));
}

#[test]
fn a_project_that_was_never_installed_says_so() {
    let world = World::new();
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(error, RollbackError::NotInstalled { .. }),
        "{error}"
    );
}
