//! What is shown before somebody signs, on a terminal and elsewhere.

use bulla_tests::{GitCheckout, Transcript, World};

use super::{PROJECT, promote, short};

const RECIPE: &str = r#"[bundle]
project = "acme/billing"

[install]
persist = ["var/uploads"]
environment = ["DATABASE_URL"]

[hooks]
prepare = ["bin/app", "migrate"]
"#;

struct Scene {
    world: World,
    checkout: GitCheckout,
    first: String,
    second: String,
}

/// One release is live; the next has other files, a hook and needs of its own.
fn scene() -> Scene {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    checkout.write("bulla.toml", RECIPE);
    checkout.write("public/new.html", "<h1>new</h1>\n");
    checkout.git(&["rm", "-q", "public/empty"]);
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    Scene {
        world,
        checkout,
        first,
        second,
    }
}

impl Scene {
    fn promote(&self, more: &[&str]) -> Transcript {
        let Self {
            world, checkout, ..
        } = self;
        promote(
            world,
            &world.alice,
            &checkout.path,
            &self.second,
            "two",
            more,
        )
    }

    fn entries(&self) -> usize {
        let history = self
            .world
            .bulla(&["history", "--project", PROJECT, "--json"])
            .done();
        history.json().as_array().unwrap().len()
    }
}

#[test]
fn whatever_changes_on_the_servers_is_named_before_the_signature() {
    let scene = scene();
    let shown = scene.promote(&["--dry-run"]).done();
    for said in [
        short(&scene.first),
        short(&scene.second),
        "built by ci",
        "files: 1 added, 1 removed, 2 changed",
        "+ public/new.html",
        "- public/empty",
        "~ public/index.html",
        "hook prepare: none -> bin/app migrate",
        "persistent path: + var/uploads",
        "environment: + DATABASE_URL, which must be set on the servers",
    ] {
        assert!(shown.stderr.contains(said), "{said:?} of\n{shown}");
    }
    assert_eq!(shown.stdout, "", "{shown}");
    assert_eq!(scene.entries(), 1);

    // The same is said when it is signed, and the hash is all of stdout.
    let promoted = scene.promote(&[]).done();
    assert!(promoted.stderr.contains("hook prepare"), "{promoted}");
    assert_eq!(promoted.stdout.trim_end(), scene.second);
    assert_eq!(scene.entries(), 2);
}

#[test]
fn programs_read_the_same_as_json() {
    let scene = scene();
    let dry = scene.promote(&["--dry-run", "--json"]).done().json();
    assert_eq!(dry["hash"], scene.second.as_str());
    assert_eq!(dry["containsLive"], "yes");
    assert_eq!(dry["preview"]["from"], scene.first.as_str());
    assert_eq!(dry["preview"]["builtBy"][0], "ci");
    assert_eq!(dry["preview"]["totals"]["added"], 1);
    assert_eq!(dry["preview"]["install"]["hooks"][0]["hook"], "prepare");
    assert!(dry.get("entry").is_none(), "{dry}");

    let promoted = scene.promote(&["--json"]).done().json();
    assert_eq!(promoted["preview"], dry["preview"]);
    assert!(promoted["entry"].is_u64(), "{promoted}");
}

#[test]
fn looking_needs_neither_a_key_nor_a_reason() {
    let scene = scene();
    let look = |hash: &str| {
        Transcript::of(
            scene
                .world
                .bulla_command()
                .current_dir(&scene.checkout.path)
                .args(["promote", hash, "prod", "--dry-run"]),
        )
    };
    look(&scene.second).done();
    // Exit status and sentence are those that the promotion itself would have.
    scene.promote(&[]).done();
    look(&scene.first).refused("does not contain");
}

#[test]
fn on_a_terminal_it_asks_and_does_nothing_without_a_yes() {
    let scene = scene();
    let no = on_terminal(&scene, "n\n", &[]);
    assert!(no.stdout.contains("Promote it? [y/N]"), "{no}");
    assert!(no.stdout.contains("hook prepare"), "{no}");
    assert_eq!((no.status, scene.entries()), (Some(1), 1), "{no}");
    let end = on_terminal(&scene, "", &[]);
    assert_eq!((end.status, scene.entries()), (Some(1), 1), "{end}");
    let yes = on_terminal(&scene, "y\n", &[]);
    assert_eq!((yes.status, scene.entries()), (Some(0), 2), "{yes}");
}

#[test]
fn a_yes_beforehand_answers_the_question() {
    let scene = scene();
    let yes = on_terminal(&scene, "", &["--yes"]);
    assert!(!yes.stdout.contains("[y/N]"), "{yes}");
    assert_eq!((yes.status, scene.entries()), (Some(0), 2), "{yes}");
}

#[test]
fn on_a_terminal_a_yes_is_enough_where_nobody_can_tell() {
    let scene = scene();
    let elsewhere = scene.world.home();
    let elsewhere = ["--checkout", elsewhere.to_str().unwrap()];
    let no = on_terminal(&scene, "n\n", &elsewhere);
    assert!(no.stdout.contains("may take out"), "{no}");
    assert_eq!(scene.entries(), 1);
    let yes = on_terminal(&scene, "y\n", &elsewhere);
    assert_eq!((yes.status, scene.entries()), (Some(0), 2), "{yes}");
}

/// Promotes on a real terminal; stdout and stderr are one there.
fn on_terminal(scene: &Scene, typed: &str, more: &[&str]) -> Transcript {
    let mut promote = scene.world.bulla_command();
    promote
        .current_dir(&scene.checkout.path)
        .args(["promote", &scene.second, "prod", "-m", "two", "--ssh-key"])
        .arg(&scene.world.alice.public_key)
        .args(more);
    bulla_tests::on_terminal(&promote, 80, typed)
}
