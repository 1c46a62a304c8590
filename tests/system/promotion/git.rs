//! What "contains" means for git: the live commit is an ancestor, as a real repository says.

use std::path::PathBuf;

use bulla_tests::{GitCheckout, Transcript, World};

use super::{PROJECT, promote, publish, short};

/// `main` with one commit that is live; alice and bob each have a fix on a branch of theirs.
struct Scene {
    world: World,
    checkout: GitCheckout,
    alices: String,
    bobs: String,
}

fn scene() -> Scene {
    let world = World::with_others(&["bob"]);
    let mut checkout = world.git(PROJECT);
    let first = world.publish(&checkout.path);
    promote(&world, &world.alice, &checkout.path, &first, "first", &[]).done();
    let mut fix = |name: &str| {
        checkout.git(&["checkout", "-q", "-b", name, "main"]);
        checkout.write(&format!("{name}.txt"), name);
        checkout.commit(name);
        publish(&world, &checkout.path, name)
    };
    let (alices, bobs) = (fix("rounding"), fix("typo"));
    Scene {
        world,
        checkout,
        alices,
        bobs,
    }
}

impl Scene {
    fn alice(&self, hash: &str, reason: &str) -> Transcript {
        let person = &self.world.alice;
        promote(&self.world, person, &self.checkout.path, hash, reason, &[])
    }

    fn bob(&self, hash: &str, more: &[&str]) -> Transcript {
        let bob = &self.world.others[0];
        promote(&self.world, bob, &self.checkout.path, hash, "typo", more)
    }

    fn live(&self) -> String {
        let history = self
            .world
            .bulla(&["history", "prod", "--project", PROJECT, "--json"])
            .done();
        history.json()[0]["hash"].as_str().unwrap().to_owned()
    }
}

#[test]
fn bob_is_told_whose_fix_his_own_would_take_out() {
    let scene = scene();
    scene
        .alice(&scene.alices, "rounding of invoice 4711")
        .done();
    // A `y` beforehand is no word about alice's fix.
    let refused = scene.bob(&scene.bobs, &[]).refused("does not contain");
    let revision = scene.checkout.git(&["rev-parse", "rounding"]);
    for said in [
        short(&scene.alices),
        &revision.last_line()[..12],
        "promoted by alice",
        "rounding of invoice 4711",
        "2026-",
        "--drop",
    ] {
        assert!(refused.stderr.contains(said), "{said:?} of\n{refused}");
    }
    // What both have is not lost.
    assert!(!refused.stderr.contains("first"), "{refused}");
    assert_eq!(scene.live(), scene.alices);

    scene.bob(&scene.bobs, &["--drop"]).done();
    assert_eq!(scene.live(), scene.bobs);
}

#[test]
fn fixes_of_several_people_that_are_live_are_all_named() {
    let mut scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    scene
        .checkout
        .git(&["checkout", "-q", "-b", "both", "rounding"]);
    scene.checkout.git(&["merge", "-q", "--no-edit", "typo"]);
    let both = publish(&scene.world, &scene.checkout.path, "both");
    scene.bob(&both, &[]).done();

    scene.checkout.git(&["checkout", "-q", "main"]);
    scene.checkout.commit_change("two");
    let main = publish(&scene.world, &scene.checkout.path, "main");
    let refused = scene.alice(&main, "two").refused("does not contain");
    for said in [short(&both), short(&scene.alices), "by bob", "by alice"] {
        assert!(refused.stderr.contains(said), "{said:?} of\n{refused}");
    }
    // `typo` itself was never promoted, but three commits would be gone.
    assert!(refused.stderr.contains("3 commits in all"), "{refused}");

    scene.checkout.git(&["merge", "-q", "--no-edit", "both"]);
    let merged = publish(&scene.world, &scene.checkout.path, "main");
    scene.alice(&merged, "everything").done();
    assert_eq!(scene.live(), merged);
}

#[test]
fn a_cherry_pick_has_the_change_and_not_the_commit() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    scene.checkout.git(&["checkout", "-q", "typo"]);
    scene.checkout.git(&["cherry-pick", "-x", "rounding"]);
    let picked = publish(&scene.world, &scene.checkout.path, "typo");
    scene.bob(&picked, &[]).refused("promoted by alice");
}

#[test]
fn a_revert_is_a_later_commit_and_needs_no_word() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    scene.checkout.git(&["checkout", "-q", "rounding"]);
    scene.checkout.git(&["revert", "--no-edit", "HEAD"]);
    let reverted = publish(&scene.world, &scene.checkout.path, "rounding");
    scene.bob(&reverted, &[]).done();
}

#[test]
fn what_was_rolled_back_is_not_live_and_not_missed() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    let rolled_back = Transcript::of(
        scene
            .world
            .bulla_command()
            .args([
                "rollback",
                "prod",
                "--project",
                PROJECT,
                "-m",
                "wrong",
                "--yes",
                "--ssh-key",
            ])
            .arg(&scene.world.others[0].public_key),
    )
    .done();
    // Dropping is what a rollback is for: it says so and does it.
    for said in ["takes out", short(&scene.alices), "promoted by alice"] {
        assert!(rolled_back.stderr.contains(said), "{rolled_back}");
    }
    scene.bob(&scene.bobs, &[]).done();
}

#[test]
fn an_earlier_release_is_promoted_only_with_a_word() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    let first = publish(&scene.world, &scene.checkout.path, "main");
    scene.bob(&first, &[]).refused("promoted by alice");
}

#[test]
fn outside_a_checkout_nobody_can_tell() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    let elsewhere = scene.world.home();
    let bob = &scene.world.others[0];
    let promote = |more: &[&str]| promote(&scene.world, bob, &elsewhere, &scene.bobs, "x", more);
    let refused = promote(&[]).refused("cannot know");
    for said in ["in no git repository", "--checkout", "--drop", "by alice"] {
        assert!(refused.stderr.contains(said), "{said:?} of\n{refused}");
    }
    let checkout = scene.checkout.path.to_str().unwrap();
    promote(&["--checkout", checkout]).refused("does not contain");
    promote(&["--drop"]).done();
}

/// Clones what is on `branch` only.
fn clone(scene: &Scene, name: &str, arguments: &[&str]) -> PathBuf {
    let path = scene.world.path(name);
    let url = format!("file://{}", scene.checkout.path.display());
    let to = path.to_str().unwrap();
    let arguments = [&["clone", "-q"], arguments, &[&url, to]].concat();
    scene.checkout.git(&arguments);
    path
}

#[test]
fn a_clone_that_ends_too_early_cannot_tell_until_it_is_fetched() {
    let mut scene = scene();
    scene.checkout.git(&["checkout", "-q", "rounding"]);
    for line in ["two", "three"] {
        scene.checkout.commit_change(line);
    }
    let later = publish(&scene.world, &scene.checkout.path, "rounding");
    scene.alice(&scene.alices, "rounding").done();
    let bob = &scene.world.others[0];

    let shallow = clone(&scene, "shallow", &["--depth", "1", "--branch", "rounding"]);
    promote(&scene.world, bob, &shallow, &later, "x", &[]).refused("fetch --unshallow");
    // Not all, but enough of it.
    let git = |arguments: &[&str]| {
        let there = ["-C", shallow.to_str().unwrap()];
        scene.checkout.git(&[&there, arguments].concat());
    };
    git(&["fetch", "-q", "--depth", "3"]);
    promote(&scene.world, bob, &shallow, &later, "x", &[]).done();
}

#[test]
fn a_clone_without_the_released_commit_says_what_to_fetch() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    let bob = &scene.world.others[0];
    let only = ["--single-branch", "--branch"];
    let main = clone(&scene, "main", &[&only[..], &["main"]].concat());
    promote(&scene.world, bob, &main, &scene.bobs, "x", &[]).refused("does not have the commit");
    // The live commit need not be there: the history of the other one is, all of it.
    let typo = clone(&scene, "typo", &[&only[..], &["typo"]].concat());
    promote(&scene.world, bob, &typo, &scene.bobs, "x", &[]).refused("promoted by alice");
}

#[test]
fn histories_that_share_nothing_lose_everything() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    let git = |arguments: &[&str]| scene.checkout.git(arguments);
    git(&["checkout", "-q", "--orphan", "anew", "typo"]);
    git(&["commit", "-q", "-m", "Squashed"]);
    let anew = publish(&scene.world, &scene.checkout.path, "anew");
    let refused = scene.bob(&anew, &[]).refused("does not contain");
    for said in ["promoted by alice", "rounding", "first"] {
        assert!(refused.stderr.contains(said), "{said:?} of\n{refused}");
    }
    scene.bob(&anew, &["--drop"]).done();
    // And back: what lies in the other history is missed in the same way.
    scene.alice(&scene.alices, "back").refused("by bob");
}

#[test]
fn replaced_commits_do_not_change_history() {
    let scene = scene();
    scene.alice(&scene.alices, "rounding").done();
    // `git log typo` would now show alice's commit below bob's.
    scene
        .checkout
        .git(&["replace", "--graft", "typo", "rounding"]);
    scene.bob(&scene.bobs, &[]).refused("promoted by alice");
}
