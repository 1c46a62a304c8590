//! What "contains" means for Subversion: the same path at a revision not smaller, and else what the
//! repository says of copies and merges.

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
fn a_tag_contains_what_it_was_copied_from() {
    let Scene { world, checkout } = scene();
    let first = world.publish(&checkout.path);
    // No working copy is needed either: the statement says where the repository is.
    let elsewhere = world.home();
    promote(&world, &world.alice, &elsewhere, &first, "first", &[]).done();
    let url = checkout.url();
    let (trunk, tag) = (format!("{url}/trunk"), format!("{url}/tags/1.0"));
    checkout.svn(&["copy", "-q", "-m", "A tag", &trunk, &tag]);
    let tagged = publish(&world, tag.as_ref(), "HEAD");
    promote(&world, &world.alice, &elsewhere, &tagged, "1.0", &[]).done();
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    promote(&world, &world.others[0], &elsewhere, &second, "two", &[]).done();
}

#[test]
fn another_branch_does_not_contain_the_fix_of_this_one() {
    let Scene { world, checkout } = scene();
    let url = checkout.url();
    let (trunk, branch) = (format!("{url}/trunk"), format!("{url}/tags/old"));
    checkout.svn(&["copy", "-q", "-m", "A branch", &trunk, &branch]);
    let old = publish(&world, branch.as_ref(), "HEAD");
    checkout.commit_change("fix");
    let fix = world.publish(&checkout.path);
    promote(&world, &world.alice, &checkout.path, &fix, "fix", &[]).done();
    let bob = &world.others[0];
    let refused = promote(&world, bob, &checkout.path, &old, "x", &[]).refused("by alice");
    assert!(refused.stderr.contains("does not contain"), "{refused}");
    assert!(refused.stderr.contains(short(&fix)), "{refused}");
    promote(&world, bob, &checkout.path, &old, "x", &["--drop"]).done();
}

#[test]
fn a_repository_that_does_not_answer_cannot_tell() {
    let Scene { world, checkout } = scene();
    let first = world.publish(&checkout.path);
    promote(&world, &world.alice, &checkout.path, &first, "first", &[]).done();
    let url = checkout.url();
    let (trunk, tag) = (format!("{url}/trunk"), format!("{url}/tags/1.0"));
    checkout.svn(&["copy", "-q", "-m", "A tag", &trunk, &tag]);
    let tagged = publish(&world, tag.as_ref(), "HEAD");
    let away = checkout.repository.with_extension("away");
    std::fs::rename(&checkout.repository, &away).unwrap();
    let bob = &world.others[0];
    let refused = promote(&world, bob, &checkout.path, &tagged, "x", &[]);
    refused.refused("cannot know here whether");
    promote(&world, bob, &checkout.path, &tagged, "x", &["--drop"]).done();
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
