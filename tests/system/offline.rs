//! Releases that travel as a file: exported with the log, installed where no network is, imported
//! into another registry.

use std::os::unix::fs::{FileExt as _, FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bulla_tests::{
    ChaosProxy, Direction, Fault, GitCheckout, Node, Registry, Server, Transcript, Tree, World,
};

const PROJECT: &str = "acme/billing";

#[test]
fn an_exported_release_installs_with_the_registry_gone() {
    let (mut world, checkout, hash) = released();
    let known = world.server("known");
    world
        .bulla(&[
            "export",
            "prod",
            "-o",
            "billing.bulla",
            "--project",
            PROJECT,
        ])
        .done();
    world.registry.stop();
    let file = world.path("billing.bulla");
    let file = file.to_str().unwrap();

    let installed = known.run(&["install", file, "--channel", "prod"]).done();
    assert_eq!(installed.last_line(), hash);
    assert_eq!(known.live(PROJECT), Some(hash.clone()));
    assert_eq!(
        known.live_tree(PROJECT),
        Tree::read(&checkout.path).without(".git")
    );
    known.run(&["verify", PROJECT]).done();
    // Again: nothing to do.
    let again = known.run(&["install", file, "--channel", "prod"]).done();
    assert!(again.stderr.contains("is live already"), "{again}");

    // A server that never saw the registry starts from an anchor and the file.
    let island = Server::new(&world.path("servers/island"), &world.home());
    let url = world.registry.url();
    island
        .run(&["install", file, "--channel", "prod"])
        .fails(2, "not enrolled");
    island
        .run(&["enroll", url, &world.anchor, "--from", file])
        .done();
    island.run(&["install", file, "--channel", "prod"]).done();
    assert_eq!(island.live_tree(PROJECT), known.live_tree(PROJECT));
    // Also its own channels count.
    known
        .run(&["install", file, "--channel", "dev"])
        .fails(1, "points to no release");
}

#[test]
fn a_file_moves_a_server_to_another_address_and_brings_a_lost_log_back() {
    let (world, mut checkout, first) = released();
    world.bulla(&["export", &first, "-o", "one.bulla"]).done();
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    world.bulla(&["export", &second, "-o", "two.bulla"]).done();
    let [one, two] = ["one.bulla", "two.bulla"].map(|name| world.path(name));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let server = world.server("web1");
    let registry = server.state.join("log/registry.json");
    let elsewhere = "http://127.0.0.1:1/";

    // The log in an older file is shorter than the one that this server has verified.
    let moved = |file: &str| server.run(&["enroll", elsewhere, &world.anchor, "--from", file]);
    moved(one).fails(3, "shrank");
    assert!(
        !std::fs::read_to_string(&registry)
            .unwrap()
            .contains(elsewhere)
    );
    moved(two).done();
    assert!(
        std::fs::read_to_string(&registry)
            .unwrap()
            .contains(elsewhere)
    );

    // The same holds for a log that is lost.
    std::fs::remove_file(server.state.join("log/state")).unwrap();
    let install = |file: &str| server.run(&["install", file, "--channel", "prod"]);
    install(one).fails(3, "older than the anchor");
    install(two).done();
    assert_eq!(server.live(PROJECT), Some(second));
}

#[test]
fn a_file_of_an_earlier_head_needs_leave() {
    let (world, mut checkout, first) = released();
    world.bulla(&["export", &first, "-o", "one.bulla"]).done();
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    world
        .bulla(&["export", "prod", "-o", "two.bulla", "--project", PROJECT])
        .done();
    let server = world.server("web");
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    let install = |name: &str, more: &[&str]| {
        let path = path(name);
        server.run(&[&["install", path.as_str(), "--channel", "prod"], more].concat())
    };
    install("two.bulla", &[]).done();
    assert_eq!(server.live(PROJECT), Some(second));
    // The file's copy of the log is older than what the server remembers by now.
    install("one.bulla", &[]).refused("earlier head");
    install("two.bulla", &[&first, "--pin-old"]).refused("expected the release");
    install("one.bulla", &[&first, "--pin-old"]).done();
    assert_eq!(server.live(PROJECT), Some(first));
}

#[test]
fn a_file_that_was_changed_is_refused_and_leaves_nothing() {
    let (world, _, _) = released();
    world
        .bulla(&["export", "prod", "-o", "good.bulla", "--project", PROJECT])
        .done();
    let good = std::fs::read(world.path("good.bulla")).unwrap();
    let server = world.server("web");
    // In the payload, in the log and at the end.
    let entry = good
        .windows(18)
        .position(|name| name == b"bulla/entries/0000")
        .unwrap();
    for (name, offset) in [("payload", good.len() - 900_000), ("log", entry + 600)] {
        let path = world.path(&format!("{name}.bulla"));
        std::fs::write(&path, &good).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[good[offset] ^ 1], offset as u64)
            .unwrap();
        server
            .run(&["install", path.to_str().unwrap(), "--channel", "prod"])
            .refused("error");
        let importing = world.bulla(&["import", path.to_str().unwrap()]);
        importing.refused(path.file_name().unwrap().to_str().unwrap());
    }
    std::fs::write(world.path("short.bulla"), &good[..good.len() - 1]).unwrap();
    let short = world.path("short.bulla");
    server
        .run(&["install", short.to_str().unwrap(), "--channel", "prod"])
        .refused("cut short");
    assert_eq!(server.live(PROJECT), None);
    let left = Tree::read(&server.root);
    assert!(
        left.0.values().all(|node| *node == Node::Directory),
        "{left:?}"
    );
}

#[test]
fn an_interrupted_export_leaves_no_file() {
    let (world, _, hash) = released();
    let proxy = ChaosProxy::before(world.registry.address());
    let mut export = world.bulla_command();
    export
        .args(["export", &hash, "-o", "billing.bulla"])
        .env("BULLA_REGISTRY", proxy.url());
    // The log first, so that what is interrupted is the bundle.
    Transcript::of(&mut export).done();
    std::fs::remove_file(world.path("billing.bulla")).unwrap();
    let before = names(&world.path(""));
    proxy.set(Fault::Away {
        direction: Direction::FromRegistry,
        after: 500_000,
    });
    Transcript::of(&mut export).fails(4, "127.0.0.1");
    assert_eq!(proxy.passed(), 500_000, "the export was under way");
    assert_eq!(names(&world.path("")), before);

    // No program hears of its own end by SIGKILL.
    proxy.set(Fault::Delay(Duration::from_millis(50)));
    let mut running = export.stdout(Stdio::null()).spawn().unwrap();
    while proxy.passed() < 500_000 {
        assert_eq!(running.try_wait().unwrap(), None, "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    assert_eq!(running.wait().unwrap().code(), None);
    assert_eq!(names(&world.path("")), before);
}

#[test]
fn an_export_replaces_a_file_and_nothing_else() {
    let (world, _, hash) = released();
    let export = |to: &str| world.bulla(&["export", &hash, "-o", to]);
    let file = world.path("billing.bulla");
    std::fs::write(&file, "an earlier one").unwrap();
    let mode = || file.metadata().unwrap().permissions().mode();
    let usual = mode();
    export("billing.bulla").done();
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.len() > 1_000_000);
    // A file like any other: the umask decides who reads it.
    assert_eq!(mode(), usual);

    std::fs::create_dir(world.path("folder")).unwrap();
    for directory in ["folder", "new/"] {
        export(directory).fails(1, "is a directory");
    }
    export("nowhere/billing.bulla").fails(1, "make its directory first");
    let pipe = world.path("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    export("pipe").fails(1, "found a device or pipe");
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    assert!(names(&world.path("folder")).is_empty());
}

#[test]
fn an_import_brings_the_content_and_not_the_log() {
    let (world, checkout, hash) = released();
    world
        .bulla(&[
            "export",
            "prod",
            "-o",
            "billing.bulla",
            "--project",
            PROJECT,
        ])
        .done();
    let mut other = Registry::serve(&world.path("other"), &world.home());
    let builder = format!("ci={}.pub", world.builder_key().display());
    let at_other = |arguments: &[&str]| {
        let mut command = world.bulla_command();
        command
            .args(arguments)
            .env("BULLA_REGISTRY", other.url())
            .env_remove("BULLA_ANCHOR")
            .env("BULLA_TOKEN", other.create_token("push,pull", "*"));
        Transcript::of(&mut command)
    };
    let person = world.alice.as_argument();
    let key = world.alice.public_key.to_str().unwrap();
    let init = [
        "init",
        "--origin",
        "elsewhere.example/log",
        "--person",
        &person,
    ];
    let policy = ["--builder", &builder, "--channel", "prod", "--ssh-key", key];
    at_other(&[&init[..], &policy].concat()).done();
    let imported = at_other(&["import", "billing.bulla"]).done();
    assert_eq!(imported.last_line(), hash);
    assert!(
        imported.stderr.contains("elsewhere.example/log"),
        "{imported}"
    );
    at_other(&["show", &hash, "--project", PROJECT]).fails(1, "knows no project");
    let again = at_other(&["import", "billing.bulla"]).done();
    assert!(again.stderr.contains("pushed 0 B"), "{again}");
    // Publishing there finds the content, and the release is one.
    let key = world.builder_key();
    let path = checkout.path.to_str().unwrap();
    let published = at_other(&["publish", path, "--key", key.to_str().unwrap()]).done();
    assert!(published.stderr.contains("pushed 0 B"), "{published}");
    assert_eq!(published.last_line(), hash);
    let imported = at_other(&["import", "billing.bulla"]).done();
    assert!(
        imported.stderr.contains("released in acme/billing"),
        "{imported}"
    );
    other.stop();
}

/// A world with one release on prod.
fn released() -> (World, GitCheckout, String) {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let hash = world.release(&checkout.path, PROJECT);
    (world, checkout, hash)
}

/// Everything that lies in a directory, also what is hidden.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}
