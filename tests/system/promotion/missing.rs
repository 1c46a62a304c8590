//! Releases that the registry does not have any more: nobody signs without knowing what servers cannot
//! fetch, and a rollback goes where they can.

use bulla_tests::{Server, Transcript, World};

use super::{PROJECT, short};

/// Four releases that were live one after the other, the last of them now, and a server that had them
/// all.
struct Scene {
    world: World,
    server: Server,
    hashes: Vec<String>,
}

fn scene() -> Scene {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let server = world.server("web1");
    let mut hashes = Vec::new();
    for line in ["one", "two", "three", "four"] {
        checkout.commit_change(line);
        hashes.push(world.release(&checkout.path, PROJECT));
        server.install(PROJECT, "prod").done();
    }
    Scene {
        world,
        server,
        hashes,
    }
}

impl Scene {
    /// Takes a manifest, or another blob of a release, out of what the registry has.
    fn lose(&self, digest: &str) {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self.world.registry.data().join("blobs/sha256");
        std::fs::remove_file(blobs.join(&hex[..2]).join(hex)).unwrap();
    }

    fn rollback(&self, more: &[&str]) -> Transcript {
        let mut command = self.world.bulla_command();
        command.args(["rollback", "prod", "--project", PROJECT, "-m", "worse"]);
        command.arg("--yes").args(more);
        Transcript::of(command.arg("--ssh-key").arg(&self.world.alice.public_key))
    }

    fn entries(&self) -> usize {
        let history = ["history", "--project", PROJECT, "--json"];
        let history = self.world.bulla(&history).done().json();
        history.as_array().unwrap().len()
    }
}

#[test]
fn nobody_promotes_what_the_registry_does_not_have_any_more() {
    let scene = scene();
    let Scene { world, hashes, .. } = &scene;
    let mut checkout = world.git("acme/shop");
    let lost = world.publish(&checkout.path);
    checkout.commit_change("two");
    let whole = world.publish(&checkout.path);
    scene.lose(&lost);
    let promote = |project: &str, hash: &str, more: &[&str]| {
        Transcript::of(world.promote_command(project, hash, "prod").args(more))
    };
    for more in [&["--drop"][..], &["--dry-run"]] {
        let refused = promote("acme/shop", &lost, more).refused("does not have");
        assert!(refused.stderr.contains("has no manifest"), "{refused}");
        assert!(refused.stderr.contains("`bulla publish`"), "{refused}");
        assert!(!refused.stderr.contains("rollback"), "{refused}");
    }
    promote("acme/shop", &whole, &[]).done();

    // A head of before, and the present one once more.
    let before = scene.entries();
    scene.lose(&hashes[1]);
    let back = promote(PROJECT, &hashes[1], &["--drop"]).refused("does not have");
    assert!(back.stderr.contains("--despite-missing"), "{back}");
    scene.lose(&hashes[3]);
    let again = promote(PROJECT, &hashes[3], &["--again"]).refused("does not have");
    assert!(!again.stderr.contains("rollback"), "{again}");
    assert_eq!(scene.entries(), before);
}

#[test]
fn a_rollback_goes_to_the_newest_head_that_servers_can_fetch_and_says_which_they_cannot() {
    let scene = scene();
    let Scene { world, hashes, .. } = &scene;
    scene.lose(&hashes[2]);
    let list = ["rollback", "prod", "--list", "--json", "--project", PROJECT];
    let list = world.bulla(&list).done().json();
    let told = |at: usize| {
        (
            &list[at]["hash"],
            &list[at]["inRegistry"],
            &list[at]["default"],
        )
    };
    assert_eq!(
        told(0),
        (&hashes[2].as_str().into(), &false.into(), &false.into())
    );
    assert_eq!(
        told(1),
        (&hashes[1].as_str().into(), &true.into(), &true.into())
    );

    let back = scene.rollback(&["--json"]).done();
    let said = format!("passing over {}", short(&hashes[2]));
    assert!(back.stderr.contains(&said), "{back}");
    assert!(back.stderr.contains("has no manifest"), "{back}");
    let report = back.json();
    assert_eq!(report["hash"], hashes[1].as_str());
    assert_eq!(report["passedOver"][0]["hash"], hashes[2].as_str());
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.server.live(PROJECT).as_ref(), Some(&hashes[1]));

    // Nothing is left to go to.
    scene.lose(&hashes[0]);
    let before = scene.entries();
    let none = scene.rollback(&[]).refused("nor an earlier one");
    assert!(none.stderr.contains(short(&hashes[0])), "{none}");
    assert!(none.stderr.contains("--despite-missing"), "{none}");
    assert_eq!(scene.entries(), before);
}

#[test]
fn servers_that_have_a_release_on_their_disk_go_back_to_it_where_a_person_says_so() {
    let scene = scene();
    let Scene { hashes, .. } = &scene;
    scene.lose(&hashes[2]);
    let to = ["--to", &hashes[2]];
    let before = scene.entries();
    let refused = scene.rollback(&to).refused("does not have");
    assert!(refused.stderr.contains("--despite-missing"), "{refused}");
    assert_eq!(scene.entries(), before);
    let back = scene
        .rollback(&[&to[..], &["--despite-missing"]].concat())
        .done();
    assert!(back.stderr.contains("not compared"), "{back}");
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.server.live(PROJECT).as_ref(), Some(&hashes[2]));
    let fresh = scene.world.server("web2").install(PROJECT, "prod");
    assert_eq!(fresh.status, Some(1), "{fresh}");
    assert!(fresh.stderr.contains("`bulla publish`"), "{fresh}");
}
