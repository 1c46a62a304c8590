//! The shape of a day: publish, promote, install, a second revision, rollback, with git and svn.

use std::path::Path;

use bulla_tests::{Node, Server, Transcript, Tree, World, write};

#[test]
fn a_git_project_goes_the_whole_way_and_back() {
    let mut world = World::new();
    let mut checkout = world.git("acme/billing");
    let first = world.release(&checkout.path, "acme/billing");
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    goes_the_whole_way_and_back(&mut world, "acme/billing", &checkout.path, &first, &second);
}

#[test]
fn an_svn_project_goes_the_whole_way_and_back() {
    let mut world = World::new();
    let checkout = world.svn("acme/handbook");
    let first = world.release(&checkout.path, "acme/handbook");
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    goes_the_whole_way_and_back(&mut world, "acme/handbook", &checkout.path, &first, &second);
}

/// `first` is on prod; `second` is published only. The checkout stands at `second`.
fn goes_the_whole_way_and_back(
    world: &mut World,
    project: &str,
    checkout: &Path,
    first: &str,
    second: &str,
) {
    assert_ne!(first, second);
    let web1 = world.server("web1");
    let web2 = world.server("web2");
    for server in [&web1, &web2] {
        server.install(project, "prod").done();
        assert_eq!(server.live(project).as_deref(), Some(first));
    }
    let first_tree = web1.live_tree(project);

    let diff = world
        .bulla(&["diff", "prod", second, "--project", project])
        .done();
    assert!(diff.stdout.contains("public/index.html"), "{diff}");
    assert!(!diff.stdout.contains("bin/app"), "{diff}");

    world.promote(project, second, "prod");
    web1.install(project, "prod").done();
    web2.install(project, "prod").done();
    assert_eq!(web1.live(project).as_deref(), Some(second));
    assert_eq!(
        web1.live_tree(project),
        Tree::read(checkout).without(".git").without(".svn")
    );

    // For everybody: the channel moves, servers follow.
    rollback_channel(world, project);
    web1.install(project, "prod").done();
    assert_eq!(web1.live(project).as_deref(), Some(first));
    assert_eq!(web1.live_tree(project), first_tree);

    // For one server: at once, and with the registry away.
    world.registry.stop();
    web2.run(&["rollback", project]).done();
    assert_eq!(web2.live(project).as_deref(), Some(first));
    assert_eq!(web2.live_tree(project), first_tree);
    web2.run(&["verify", project]).done();
    web2.run(&["status", project]).done();
    world.registry.start_again();

    let history = web1.run(&["history", project, "--json"]).done();
    assert!(
        history.stdout.contains(first.trim_start_matches("sha256:")),
        "{history}"
    );
    assert!(
        history
            .stdout
            .contains(second.trim_start_matches("sha256:")),
        "{history}"
    );
    let channel = world
        .bulla(&["history", "prod", "--project", project])
        .done();
    assert!(channel.stdout.contains("rollback"), "{channel}");
    assert!(channel.stdout.contains("too hasty"), "{channel}");
}

fn rollback_channel(world: &World, project: &str) -> Transcript {
    Transcript::of(
        world
            .bulla_command()
            .args([
                "rollback",
                "prod",
                "--project",
                project,
                "-m",
                "too hasty",
                "--yes",
                "--ssh-key",
            ])
            .arg(&world.alice.public_key),
    )
    .done()
}

#[test]
fn the_installed_tree_is_the_tree_of_the_checkout() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    let installed = server.live_tree("acme/billing");
    assert_eq!(installed, Tree::read(&checkout.path).without(".git"));
    assert!(matches!(
        installed.0["bin/app"],
        Node::File {
            executable: true,
            ..
        }
    ));
    assert_eq!(
        installed.0["start.html"],
        Node::Link("public/index.html".to_owned())
    );
}

#[test]
fn the_live_tree_says_what_it_is_and_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    let current = server.project("acme/billing").join("current");
    let note = current.canonicalize().unwrap().with_added_extension("json");
    let release = std::fs::read_to_string(note).unwrap();
    assert!(release.contains(&hash), "{release}");
    assert!(release.contains("alice"), "{release}");
    assert!(release.contains("because a test says so"), "{release}");
    let mode = std::fs::metadata(current.join("bin/app"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o222, 0, "{mode:o}");
}

#[test]
fn what_is_written_below_a_persistent_path_survives_an_update_and_a_rollback() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    checkout.write(
        "bulla.toml",
        "[bundle]\nproject = \"acme/billing\"\n[install]\npersist = [\"var/uploads\"]\n",
    );
    checkout.commit("Keep the uploads");
    world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    let current = server.project("acme/billing").join("current");
    write(&current, "var/uploads/scan.txt", "from a customer\n");

    checkout.commit_change("two");
    world.release(&checkout.path, "acme/billing");
    server.install("acme/billing", "prod").done();
    let kept = current.join("var/uploads/scan.txt");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "from a customer\n");
    server.run(&["rollback", "acme/billing"]).done();
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "from a customer\n");
    server.run(&["verify", "acme/billing"]).done();
}

#[test]
fn publishing_the_same_revision_again_gives_the_same_hash() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let first = world.publish(&checkout.path);
    let again = world.publish(&checkout.path);
    assert_eq!(first, again);
    let packed = world
        .bulla(&["pack".as_ref(), checkout.path.as_os_str()])
        .done();
    assert_eq!(packed.last_line(), first);
}

#[test]
fn installing_what_is_already_live_changes_nothing() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    let before = server.live_tree("acme/billing");
    server.install("acme/billing", "prod").done();
    assert_eq!(server.live("acme/billing"), Some(hash));
    assert_eq!(server.live_tree("acme/billing"), before);
}

#[test]
fn a_local_rollback_holds_until_the_channel_moves_on() {
    let world = World::new();
    let mut checkout = world.git("acme/billing");
    let first = world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    checkout.commit_change("two");
    world.release(&checkout.path, "acme/billing");
    server.install("acme/billing", "prod").done();
    server.run(&["rollback", "acme/billing"]).done();
    assert_eq!(server.live("acme/billing"), Some(first.clone()));
    let status = server.run(&["status", "acme/billing"]).done();
    assert!(status.stdout.contains("held"), "{status}");
    // The release that was left does not come back by itself.
    let held = server.install("acme/billing", "prod").done();
    assert!(
        held.stderr.contains("unchanged: acme/billing prod: held"),
        "{held}"
    );
    assert_eq!(server.live("acme/billing"), Some(first));
    checkout.commit_change("three");
    let third = world.release(&checkout.path, "acme/billing");
    server.install("acme/billing", "prod").done();
    assert_eq!(server.live("acme/billing"), Some(third));
    let status = server.run(&["status", "acme/billing"]).done();
    assert!(!status.stdout.contains("held"), "{status}");
}

#[test]
fn a_shortened_hash_is_as_good_as_the_whole() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.publish(&checkout.path);
    let short = &hash["sha256:".len()..][..8];
    world.promote("acme/billing", short, "dev");
    let shown = world
        .bulla(&["show", short, "--project", "acme/billing"])
        .done();
    assert!(shown.stdout.contains(&hash), "{shown}");
}

#[test]
fn the_anchor_that_bulla_prints_enrolls_a_server() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    let anchor = world.bulla(&["anchor"]).done().last_line().to_owned();
    assert_ne!(anchor, world.anchor, "the log has grown");
    let server = Server::new(&world.path("servers/web9"), &world.home());
    server
        .run(&["enroll", world.registry.url(), &anchor])
        .done();
    server.install("acme/billing", "prod").done();
}

#[test]
fn whatever_lists_also_answers_in_json() {
    let world = World::new();
    let checkout = world.git("acme/billing");
    let hash = world.release(&checkout.path, "acme/billing");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    for arguments in [
        vec!["show", &hash, "--json", "--project", "acme/billing"],
        vec!["diff", "prod", &hash, "--json", "--project", "acme/billing"],
        vec!["history", "--json", "--project", "acme/billing"],
        vec!["history", "prod", "--json", "--project", "acme/billing"],
    ] {
        world.bulla(&arguments).done().json();
    }
    for arguments in [
        vec!["status", "--json"],
        vec!["status", "acme/billing", "--json"],
        vec!["history", "acme/billing", "--json"],
        vec!["verify", "acme/billing", "--json"],
    ] {
        server.run(&arguments).done().json();
    }
    world.registry.token(&["list", "--json"]).done().json();
}

#[test]
fn two_projects_on_one_server_do_not_meet() {
    let world = World::new();
    let billing = world.git("acme/billing");
    let shop = world.git("shop");
    let billing_hash = world.release(&billing.path, "acme/billing");
    let shop_hash = world.release(&shop.path, "shop");
    let server = world.server("web1");
    server.install("acme/billing", "prod").done();
    server.install("shop", "prod").done();
    assert_eq!(server.live("acme/billing"), Some(billing_hash));
    assert_eq!(server.live("shop"), Some(shop_hash));
    let status = server.run(&["status"]).done();
    assert!(status.stdout.contains("acme/billing"), "{status}");
    assert!(status.stdout.contains("shop"), "{status}");
}
