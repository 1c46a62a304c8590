//! Going back, without a registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use bulla_installer::{ResolveError, RollbackError, Standing, WriteError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::statement::Severity;

use crate::world::{World, releasing, small_tree};

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
fn goes_back_without_a_registry_and_holds_until_a_person_ends_that() {
    // R19: cannot work offline.
    let (world, hashes) = world_with(&["one", "two"]);
    world.registry.change(|served| served.down = true);
    let rolled_back = world.rollback(None).unwrap();
    assert_eq!(
        (rolled_back.left, rolled_back.hash),
        (Some(hashes[1]), hashes[0])
    );
    assert_eq!(world.live(), Some(hashes[0]));
    world.assert_intact();
    let found = &world.status(Some(&world.project))[0];
    assert_eq!(found.standing, Standing::Held);
    assert_eq!(found.hold.as_ref().unwrap().left, hashes[1]);
    assert_eq!(found.head, Some(hashes[1]));

    world.registry.change(|served| served.down = false);
    let (result, notes) = world.install_with(&releasing());
    result.unwrap();
    assert!(notes.contains("hold"), "{notes}");
    assert_eq!(world.live(), Some(hashes[1]));
    assert_eq!(world.status(None)[0].hold, None);
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
    assert_eq!(same.left, Some(same.hash));
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
fn a_changed_tree_is_repaired_from_this_disk_and_set_aside() {
    let (world, hashes) = world_with(&["one", "two"]);
    world.registry.change(|served| served.down = true);
    let tree = world.tree(&hashes[0]);
    // What a running application and a person leave: an extra file, an edited and a missing one,
    // all of which the live release has too.
    fs::create_dir(tree.join("share/__pycache__")).unwrap();
    fs::write(tree.join("share/__pycache__/a.pyc"), "cache").unwrap();
    fs::write(tree.join("share/read me.txt"), "edited").unwrap();
    fs::remove_file(tree.join("bin/app")).unwrap();
    let (result, notes) = world.rollback_with_notes(None);
    assert_eq!(result.unwrap().hash, hashes[0]);
    assert_eq!(world.live(), Some(hashes[0]));
    world.assert_intact();
    assert!(notes.contains("added `share/__pycache__`"), "{notes}");
    assert!(notes.contains("changed `share/read me.txt`"), "{notes}");
    assert!(notes.contains("missing `bin/app`"), "{notes}");
    let aside = world.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].differences.len(), 3);
    let saved = fs::read(aside[0].path.join("share/read me.txt")).unwrap();
    assert_eq!(saved, b"edited");
    assert!(aside[0].path.join("share/__pycache__/a.pyc").exists());
}

#[test]
fn content_that_is_on_no_disk_is_named_with_the_command_that_fetches_it() {
    let (world, hashes) = world_with(&["one", "two"]);
    world.registry.change(|served| served.down = true);
    let version = world.tree(&hashes[0]).join("version.txt");
    fs::write(&version, "edited").unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(
            &error,
            RollbackError::NotRepairable { source: WriteError::NotOnDisk { paths }, .. }
                if paths == &["version.txt"]
        ),
        "{error}"
    );
    // Nothing was changed by that.
    assert_eq!(world.live(), Some(hashes[1]));
    assert_eq!(fs::read(&version).unwrap(), b"edited");
    assert!(!world.site().join("set-aside").exists());
    assert!(!world.site().join(".staging").exists());

    // The command of the hint, word for word, by a shell.
    let refused = world.run(&["rollback", "acme/billing"]);
    world.registry.change(|served| served.down = false);
    let (_, hint) = refused.stderr.split_once("hint: ").unwrap();
    let command = hint.split('`').nth(1).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_bulla-installer")).parent();
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .env("PATH", programs.unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    assert_eq!(world.live(), Some(hashes[0]));
    world.assert_intact();
    assert_eq!(world.set_aside().len(), 1);
}

#[test]
fn a_release_whose_tree_is_gone_is_made_again_or_named_with_the_command() {
    let (world, hashes) = world_with(&["one", "two"]);
    fs::remove_dir_all(world.tree(&hashes[0])).unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(
        matches!(error, RollbackError::NotRepairable { .. }),
        "{error}"
    );
    fs::remove_dir_all(world.state().join("bundles").join(hashes[0].hex())).unwrap();
    let error = world.rollback(None).unwrap_err();
    assert!(matches!(error, RollbackError::Gone { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--pin-old"));
    assert_eq!(world.live(), Some(hashes[1]));
}

#[test]
fn content_that_is_only_in_a_tree_that_was_set_aside_is_taken_from_there() {
    let (world, hashes) = world_with(&["one", "two"]);
    let tree = world.tree(&hashes[0]);
    fs::write(tree.join("share/read me.txt"), "edited").unwrap();
    world.rollback(None).unwrap();
    world.install_with(&releasing()).0.unwrap();
    // Of the first release, this file is now in the tree that was set aside and nowhere else.
    fs::remove_file(tree.join("version.txt")).unwrap();
    world.registry.change(|served| served.down = true);
    world.rollback(None).unwrap();
    assert_eq!(world.live(), Some(hashes[0]));
    world.assert_intact();
    assert_eq!(world.set_aside().len(), 2);
}

#[test]
fn who_rolled_back_and_why_is_recorded() {
    let (world, _) = world_with(&["one", "two"]);
    world.rollback(None).unwrap();
    let history = world.history();
    let last = history.last().unwrap();
    assert_eq!(last.by.as_deref(), Some("carol"));
    assert_eq!(last.reason.as_deref(), Some("it was slow"));
    // The promotion that the release came by is another person's, and stays.
    assert_eq!(last.promotion.reason, "because");
    let found = world.status(None);
    let hold = found[0].hold.as_ref().unwrap();
    assert_eq!(hold.reason.as_deref(), Some("it was slow"));
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
