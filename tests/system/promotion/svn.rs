//! What "contains" means for Subversion: the same path, at a revision not smaller.

use bulla_tests::{SvnCheckout, World};

use super::{PROJECT, promote, publish, short};

struct Scene {
    world: World,
    checkout: SvnCheckout,
}

fn scene() -> Scene {
    let world = World::with_others(&["bob"]);
    let checkout = world.svn(PROJECT);
    Scene { world, checkout }
}

#[test]
fn a_later_revision_of_the_same_path_contains_the_earlier_one() {
    let Scene { world, checkout } = scene();
    let first = world.publish(&checkout.path);
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    // No checkout is needed to compare two numbers.
    let elsewhere = world.home();
    promote(&world, &world.alice, &elsewhere, &first, "first", &[]).done();
    promote(&world, &world.alice, &elsewhere, &second, "second", &[]).done();
    let bob = &world.others[0];
    let refused = promote(&world, bob, &elsewhere, &first, "x", &[]).refused("does not contain");
    for said in [short(&second), "(r3,", "promoted by alice", "second"] {
        assert!(refused.stderr.contains(said), "{said:?} of\n{refused}");
    }
}

#[test]
fn another_branch_does_not_contain_the_fix_of_this_one() {
    let Scene { world, checkout } = scene();
    let first = world.publish(&checkout.path);
    promote(&world, &world.alice, &checkout.path, &first, "first", &[]).done();
    let url = checkout.url();
    let (trunk, branch) = (format!("{url}/trunk"), format!("{url}/tags/fix"));
    checkout.svn(&["copy", "-q", "-m", "A branch", &trunk, &branch]);
    let fix = publish(&world, branch.as_ref(), "HEAD");
    promote(&world, &world.alice, &checkout.path, &fix, "fix", &[]).refused("does not contain");
    promote(
        &world,
        &world.alice,
        &checkout.path,
        &fix,
        "fix",
        &["--drop"],
    )
    .done();

    checkout.commit_change("two");
    let trunk = world.publish(&checkout.path);
    let bob = &world.others[0];
    let refused = promote(&world, bob, &checkout.path, &trunk, "x", &[]).refused("by alice");
    assert!(refused.stderr.contains(short(&fix)), "{refused}");
    // The first release was given up when the branch was promoted.
    assert!(!refused.stderr.contains(short(&first)), "{refused}");
}

#[test]
fn another_repository_cannot_be_compared() {
    let Scene { world, checkout } = scene();
    let first = world.publish(&checkout.path);
    promote(&world, &world.alice, &checkout.path, &first, "first", &[]).done();
    // The project moves to git.
    let git = world.git(PROJECT);
    let moved = world.publish(&git.path);
    let bob = &world.others[0];
    promote(&world, bob, &git.path, &moved, "x", &[]).refused("different repositories");
    promote(&world, bob, &git.path, &moved, "x", &["--drop"]).done();
}
